// Runs the programs of a folder of cases against the built library and prints a table: case, right, got, holds.
//
//   npm run cases                          every case of ../shared/cases
//   npm run cases -- security/34 field     only the cases whose name begins with one of these
//   CASES=/another/folder npm run cases
//
// A case runs alone, in a copy below build/cases, so that packages resolve as they do for this repository.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { CASES, exitCode } from './judges.js';

const SOURCE = resolve(process.env.CASES ?? '../shared/cases');
const COPY = resolve('build/cases');
/** The time limit of a case, in milliseconds. */
const TIMEOUT = 300_000;

if (!existsSync(SOURCE)) {
  console.error(`There is no folder of cases at ${SOURCE}: name one by the variable CASES.`);
  process.exit(2);
}
rmSync(COPY, { recursive: true, force: true });
mkdirSync(COPY, { recursive: true });
for (const folder of ['field', 'security', 'peers', 'redis']) {
  cpSync(join(SOURCE, folder), join(COPY, folder), { recursive: true });
  spawnSync('chmod', ['-R', 'u+w', join(COPY, folder)]);
}
// One case needs a client that prints single WebSocket frames, which the folder lacks.
cpSync('test/cases/raw.js', join(COPY, 'peers/raw.mjs'));
buildClockShim();

const wanted = process.argv.slice(2);
const names = ['field', 'security', 'peers', 'redis'].flatMap(folder =>
  readdirSync(join(COPY, folder))
    .filter(file => /^(?:\d|D)\S*\.mjs$/.test(file))
    .sort()
    .map(file => `${folder}/${file.replace('.mjs', '')}`),
);

const rows = [];
for (const name of names) {
  if (wanted.length > 0 && !wanted.some(prefix => name.startsWith(prefix))) continue;
  const { right, runs = [[]], holds, edit } = CASES[name] ?? exitCode;
  const file = join(COPY, `${name}.mjs`);
  if (edit) writeFileSync(file, edit(readFileSync(file, 'utf8')));
  const started = performance.now();
  const results = [];
  for (const args of runs) results.push(await run(name, args));
  const output = results.map(result => result.output).join('\n');
  writeFileSync(join(COPY, `${name.replace('/', '-')}.txt`), output);
  const verdict = !results.some(result => result.timedOut) && holds(output, results);
  const seconds = Math.round((performance.now() - started) / 1000);
  rows.push({ name, right, output, verdict, seconds });
  console.log(`${verdict ? 'holds' : 'FAILS'}  ${name} (${seconds} s)`);
}

console.log('\n| case | right | got | holds |\n| --- | --- | --- | --- |');
for (const { name, right, output, verdict } of rows) {
  console.log(
    `| ${name} | ${cell(right)} | ${cell(lastLines(output))} | ${verdict ? 'yes' : 'NO'} |`,
  );
}
const held = rows.filter(row => row.verdict).length;
console.log(`\n${held} of ${rows.length} hold; the full output of each is in build/cases/*.txt`);
process.exitCode = held === rows.length ? 0 : 1;

/** Runs one case and returns what it printed. */
async function run(name, args) {
  const child = spawn(process.execPath, [join(COPY, `${name}.mjs`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => (output += chunk));
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    endGroup(child.pid);
  }, TIMEOUT);
  const code = await new Promise(done => child.once('exit', done));
  clearTimeout(timer);
  // Servers that a case has started belong to its process group.
  endGroup(child.pid);
  return { output, code, timedOut };
}

function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended already.
  }
}

/** Builds the library that moves the clock of single processes in the Redis cases. */
function buildClockShim() {
  const folder = join(COPY, 'redis/h');
  const { status } = spawnSync('gcc', ['-shared', '-fPIC', '-O2', '-o', 'skew.so', 'skew.c'], {
    cwd: folder,
  });
  if (status !== 0) console.error('gcc is missing: Redis cases that move clocks will fail');
}

function lastLines(output) {
  const got = /^\s*got:\s*(.*)$/m.exec(output);
  return got ? got[1] : output.trim().split('\n').slice(-2).join(' / ');
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').slice(0, 160);
}
