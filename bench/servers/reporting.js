// Answers the questions of the benchmarks to a server in another process.
import { Session } from 'node:inspector/promises';

const session = new Session();
/** The time between two samples of a profile, in microseconds. */
const SAMPLE = 100;

/** Reports the port of the server. */
export function reportPort(port) {
  process.send?.({ port });
}

const answers = {
  /** Returns the CPU time used so far, in microseconds. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return { cpu: user + system, user, system };
  },
  /** Returns the memory after garbage collection, which needs `--expose-gc`. */
  memory: async () => {
    for (let pass = 0; pass < 2; pass++) {
      globalThis.gc?.();
      await new Promise(resolve => setTimeout(resolve, 200));
    }
    globalThis.gc?.();
    return process.memoryUsage();
  },
  startProfile: async () => {
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE });
    await session.post('Profiler.start');
  },
  /** Returns the CPU profile since `startProfile`. */
  stopProfile: async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return profile;
  },
};

/** Answers the questions common to all servers, and those in `own`. */
export function answerQuestions(own = {}) {
  const known = { ...answers, ...own };
  process.on('message', async question => {
    if (Object.hasOwn(known, question)) process.send?.((await known[question]()) ?? {});
  });
  process.on('disconnect', () => process.exit());
}
