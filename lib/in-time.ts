/**
 * Waits for something, but no longer than a time.
 *
 * @param time in milliseconds
 * @param late what is said where that is over
 */
export async function inTime<T>(work: PromiseLike<T>, time: number, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(late));
    }, time);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
