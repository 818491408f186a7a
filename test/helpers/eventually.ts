const STEP = 5;

/** Waits until something holds, or fails once it has taken too long. */
export async function eventually(holds: () => boolean, within = 4_000): Promise<void> {
  const deadline = Date.now() + within;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`did not come to hold: ${holds.toString()}`);
    await pause(STEP);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
