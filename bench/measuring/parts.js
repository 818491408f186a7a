// Parts measured by themselves, each in a process of its own: neither the garbage of one nor what V8 has learned from
// it disturbs another. Rounds take turns all the same.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { interleaved } from './rounds.js';

/** Rounds nobody looks at, in which V8 compiles. */
const WARM_UP = 2;

class PartProcess {
  /**
   * @param meta `import.meta` of the file that exports `parts`
   * @param name of the part
   * @param settings what the part is made with
   */
  static async start(meta, name, settings) {
    const part = new PartProcess();
    part.process = fork(
      new URL('part-process.js', import.meta.url),
      [meta.url, name, JSON.stringify(settings)],
      { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    part.exit = once(part.process, 'exit').then(([code]) => {
      throw new Error(`${name} ended with ${code}`);
    });
    part.exit.catch(() => undefined);
    await part.next();
    return part;
  }

  /** What one round tells. */
  async round(calls) {
    this.process.send(calls);
    return this.next();
  }

  async next() {
    const [message] = await Promise.race([once(this.process, 'message'), this.exit]);
    return message;
  }

  stop() {
    this.process.kill();
  }
}

/**
 * Measures parts side by side.
 *
 * @param subjects by title, the name of each part and its settings: `{ title: ['verify', { input: 'ui' }] }`
 * @param calls of each part in a round
 * @returns by title, the CPU time of a call in each round, in microseconds
 */
export async function measureParts(meta, subjects, { rounds, calls }) {
  const titles = Object.keys(subjects);
  const running = new Map();
  try {
    for (const title of titles) {
      const [name, settings = {}] = subjects[title];
      running.set(title, await PartProcess.start(meta, name, settings));
    }
    const measure = async title => (await running.get(title).round(calls)).cpu;
    await interleaved(titles, WARM_UP, measure);
    return await interleaved(titles, rounds, measure);
  } finally {
    for (const part of running.values()) part.stop();
  }
}

/** Has one part do one round, and returns what it tells. */
export async function runPart(meta, name, settings, calls) {
  const part = await PartProcess.start(meta, name, settings);
  try {
    return await part.round(calls);
  } finally {
    part.stop();
  }
}
