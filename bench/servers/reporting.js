// Answers to what the benchmarks ask of a server in another process.

/** Where the server listens. */
export function reportPort(port) {
  process.send?.({ port });
}

const answers = {
  /** The CPU time used so far, in microseconds. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return { cpu: user + system, user, system };
  },
  /** Memory after collecting garbage, which needs `--expose-gc`. */
  memory: async () => {
    for (let pass = 0; pass < 2; pass++) {
      globalThis.gc?.();
      await new Promise(resolve => setTimeout(resolve, 200));
    }
    globalThis.gc?.();
    return process.memoryUsage();
  },
};

/** Answers the questions that every server can be asked, and some of its own. */
export function answerQuestions(own = {}) {
  const known = { ...answers, ...own };
  process.on('message', async question => {
    if (Object.hasOwn(known, question)) process.send?.((await known[question]()) ?? {});
  });
  process.on('disconnect', () => process.exit());
}
