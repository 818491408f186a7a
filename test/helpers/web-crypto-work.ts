type Work = (...args: unknown[]) => Promise<unknown>;

const METHODS = ['importKey', 'sign', 'verify', 'digest'] as const;

/**
 * The number of pending WebCrypto calls. WebCrypto answers from other threads, so the number of turns until then varies.
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

/** The number of turns of the event loop without WebCrypto calls after which no more are expected. */
const QUIET_TURNS = 3;

/** Waits for all pending work: promises and WebCrypto. */
export async function settled(): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    await new Promise(setImmediate);
    if (waiting > 0) quiet = -1;
  }
}
