// Samples servers under load, and shows the CPU time of a message by stage: where the time of a protected message goes.
// Usage: npm run build && node bench/profile.js [--full] [--rounds n] [--input name]
// With --detail it also lists the functions with the most time of each server.
import { comparison } from './measuring/comparison.js';
import { NATIVE, NATIVE_IN_NEST, UNPROTECTED } from './measuring/dialects.js';
import { INPUTS } from './measuring/inputs.js';
import { Load } from './measuring/load.js';
import { median } from './measuring/rounds.js';
import { ServerProcess } from './measuring/server-process.js';

const SERVERS = {
  'stock Nest': ['stock-nest', {}, UNPROTECTED],
  plain: ['protected', { replies: 'plain' }, NATIVE_IN_NEST],
  signed: ['protected', { replies: 'signed' }, NATIVE],
};

const SHAPE = { connections: 64, inFlight: 1 };
const WARM_UP = 5;
const OTHER = 'other';

/** Stages, and the files whose functions belong to them. The first that matches counts. */
const STAGES = [
  ['WebSocket frames', /node_modules\/ws\/|\/dist\/(transports|text-frame)/],
  ['Nest and rxjs', /node_modules\/(@nestjs|rxjs)\//],
  ['MACs', /internal\/crypto|\/dist\/signing\/mac/],
  ['signatures without MACs', /\/dist\/signing\//],
  ['nonces', /\/dist\/replay\/|key-table/],
  ['rate limits', /\/dist\/rate-limit\//],
  ['schema', /node_modules\/zod\/|\/dist\/handler\/(validation|class-validation)/],
  ['budget, queue, codec, dispatcher', /\/dist\/(connection|event|protocol|gateway)\//],
  ['other guards and pipes', /\/dist\//],
  ['Node: streams, timers, promises', /^node:/],
];

const SYSTEM = 'system calls and the event loop';

/** Functions without a file that have a stage of their own. Others belong to their callers. */
const NATIVE_STAGES = new Map([
  ['(garbage collector)', 'garbage collection'],
  ['(program)', SYSTEM],
  ['writev', SYSTEM],
  ['writeBuffer', SYSTEM],
  ['writeUtf8String', SYSTEM],
  ['writeLatin1String', SYSTEM],
]);

const IDLE = new Set(['(idle)', '(root)']);

/** @returns the stage of a function, or that of its caller if it has no file */
function stageOf({ functionName, url }, ofCaller) {
  const native = NATIVE_STAGES.get(functionName);
  if (native) return native;
  if (url === '') return ofCaller;
  return STAGES.find(([, files]) => files.test(url))?.[0] ?? OTHER;
}

/** Adds up the samples of each stage and function. */
function samplesOf({ nodes, samples }) {
  const byId = new Map(nodes.map(node => [node.id, node]));
  const hits = new Map();
  for (const id of samples) hits.set(id, (hits.get(id) ?? 0) + 1);
  const stages = new Map();
  const functions = new Map();
  let all = 0;
  const visit = ({ id, callFrame, children = [] }, ofCaller) => {
    const stage = stageOf(callFrame, ofCaller);
    const count = IDLE.has(callFrame.functionName) ? 0 : (hits.get(id) ?? 0);
    if (count > 0) {
      all += count;
      stages.set(stage, (stages.get(stage) ?? 0) + count);
      const name = `${callFrame.functionName || '(anonymous)'} ${callFrame.url.split('/').slice(-2).join('/')}`;
      const found = functions.get(name) ?? { stage, count: 0 };
      found.count += count;
      functions.set(name, found);
    }
    for (const child of children) visit(byId.get(child), stage);
  };
  visit(nodes[0], OTHER);
  return { all, stages, functions };
}

async function profile([name, settings, dialect], { input, rounds, messages }) {
  const server = await ServerProcess.start(name, { ...settings, input });
  const load = await Load.connect(server, dialect, SHAPE.connections);
  const round = () => load.round(SHAPE, messages, INPUTS[input].data);
  for (let n = 0; n < WARM_UP; n++) await round();
  // Sampling slows a server down, so the CPU time is measured without it.
  const cpu = [];
  for (let n = 0; n < rounds; n++) cpu.push(await round());
  await server.ask('startProfile');
  for (let n = 0; n < rounds; n++) await round();
  const samples = samplesOf(await server.ask('stopProfile'));
  load.close();
  await server.stop();
  return { cpu: median(cpu), ...samples };
}

const SIZES = {
  rounds: { short: 5, full: 15 },
  messages: { short: 6_400, full: 12_800 },
};

await comparison(import.meta, SIZES, async options => {
  const input = options.input ?? 'ui';
  const profiles = new Map();
  for (const [title, server] of Object.entries(SERVERS))
    profiles.set(title, await profile(server, { ...options, input }));
  const names = [...STAGES.map(([stage]) => stage), ...new Set(NATIVE_STAGES.values()), OTHER];
  const cell = ({ cpu, all, stages }, stage) => (cpu * (stages.get(stage) ?? 0)) / all;
  const row = (stage, figure) => ({
    stage,
    ...Object.fromEntries([...profiles].map(([title, found]) => [title, figure(found)])),
  });
  const tables = {
    [`CPU µs a message by stage, ${input} event, ${SHAPE.connections} × ${SHAPE.inFlight}`]: [
      ...names.map(stage => row(stage, found => cell(found, stage))),
      row('all', ({ cpu }) => cpu),
    ],
  };
  if (options.detail)
    for (const [title, { cpu, all, functions }] of profiles)
      tables[`Functions: ${title}`] = [...functions]
        .sort(([, a], [, b]) => b.count - a.count)
        .slice(0, 60)
        .map(([name, { stage, count }]) => ({ name, stage, µs: (cpu * count) / all }));
  return { tables };
});
