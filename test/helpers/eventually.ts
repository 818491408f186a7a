const STEP = 5;

/** Waits until a condition is true. Fails after a limit that counts the turns of this process. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  within = 20_000,
): Promise<void> {
  for (let waited = 0; !(await holds()); waited += STEP) {
    if (waited > within) throw new Error(`did not come to hold: ${holds.toString()}`);
    await pause(STEP);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
