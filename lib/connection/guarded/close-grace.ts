/** The time a client has to answer the close frame at shutdown, in milliseconds. */
const CLOSE_GRACE = 1_000;

/** Resolves when a connection is closed, or when `CLOSE_GRACE` has passed. */
export async function closedOrLate(closed: Promise<unknown>): Promise<void> {
  await Promise.race([
    closed,
    new Promise(resolve => {
      setTimeout(resolve, CLOSE_GRACE).unref();
    }),
  ]);
}
