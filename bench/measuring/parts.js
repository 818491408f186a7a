// Measures parts of code, each in a process of its own, so that garbage and optimizations of one do not affect another. The
// rounds alternate.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { interleaved } from './rounds.js';

/** Unmeasured calls, during which V8 compiles the code. */
const WARM_UP = 60_000;
/** The maximum number of warm-up rounds, if rounds are small. */
const MOST_WARM_UP = 3;

class PartProcess {
  /**
   * @param meta `import.meta` of the file that exports `parts`
   * @param name the name of the part
   * @param settings the argument of the part
   */
  static async start(meta, name, settings = {}) {
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
    ({ told: part.told } = await part.next());
    return part;
  }

  /** Returns the CPU time of a call, in microseconds. */
  async round(calls) {
    this.process.send(calls);
    return (await this.next()).cpu;
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
 * Measures several parts in alternating rounds.
 *
 * @param subjects the name and settings of each part, by title: `{ title: ['verify', { input: 'ui' }] }`
 * @param calls the number of calls of each part per round
 * @returns by title, the CPU time of a call in each round, in microseconds, and what each part reported when it was created
 */
export async function measureParts(meta, subjects, { rounds, calls, until }) {
  const titles = Object.keys(subjects);
  const started = await Promise.all(
    titles.map(title => PartProcess.start(meta, ...subjects[title])),
  );
  const running = new Map(titles.map((title, n) => [title, started[n]]));
  const measure = title => running.get(title).round(calls);
  await interleaved(titles, Math.min(Math.ceil(WARM_UP / calls), MOST_WARM_UP), measure);
  const figures = await interleaved(titles, rounds, measure, until);
  const told = new Map(titles.map(title => [title, running.get(title).told]));
  for (const part of started) part.stop();
  return { figures, told };
}
