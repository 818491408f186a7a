type Work = (...args: unknown[]) => Promise<unknown>;

const METHODS = ['importKey', 'sign', 'verify', 'digest'] as const;

/**
 * Counts what WebCrypto has been asked for and has not answered: it answers from threads, when they get to run, and so
 * after no certain number of turns.
 */
let waiting = 0;
const subtle = crypto.subtle as unknown as Record<string, Work>;
for (const name of METHODS) {
  const method = (subtle[name] as Work).bind(subtle);
  const answered = () => waiting--;
  subtle[name] = (...args) => {
    waiting++;
    const answer = method(...args);
    answer.then(answered, answered);
    return answer;
  };
}

/** Turns of the event loop without any such work, after which there is nothing that would ask for more. */
const QUIET_TURNS = 3;

/** Lets whatever is under way happen: promises, WebCrypto and all. */
export async function settled(): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    await new Promise(setImmediate);
    if (waiting > 0) quiet = -1;
  }
}
