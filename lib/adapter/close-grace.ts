/** How long a peer has to answer our close frame at shutdown, in milliseconds. */
const CLOSE_GRACE = 1_000;

/** Resolves when a connection is closed, or when its peer has had its time to do so. */
export async function closedOrLate(closed: Promise<unknown>): Promise<void> {
  await Promise.race([
    closed,
    new Promise(resolve => {
      setTimeout(resolve, CLOSE_GRACE).unref();
    }),
  ]);
}
