const STEP = 5;

/** Waits until something holds, or fails once it has taken too long, by the turns that this process had. */
export async function eventually(holds: () => boolean, within = 20_000): Promise<void> {
  for (let waited = 0; !holds(); waited += STEP) {
    if (waited > within) throw new Error(`did not come to hold: ${holds.toString()}`);
    await pause(STEP);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
