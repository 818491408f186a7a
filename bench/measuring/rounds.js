// Measures in alternating rounds, so that a disturbance of the machine affects all subjects alike.

/** The number of rounds that a median needs. */
const ENOUGH = 3;

/**
 * Measures each subject once per round. Each round begins with another subject.
 *
 * @param rounds the maximum number of rounds
 * @param measure measures one round and returns a number
 * @param until the time limit, as `performance.now()` returns it; after it only the required rounds are run
 * @returns the figures of each subject
 */
export async function interleaved(subjects, rounds, measure, until = Infinity) {
  const figures = new Map(subjects.map(subject => [subject, []]));
  const isTimeLeft = round => round < ENOUGH || performance.now() < until;
  for (let round = 0; round < rounds && isTimeLeft(round); round++)
    for (let turn = 0; turn < subjects.length; turn++) {
      const subject = subjects[(turn + round) % subjects.length];
      figures.get(subject).push(await measure(subject));
    }
  return figures;
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle - 0.5)] + sorted[Math.floor(middle)]) / 2;
}

/** Returns the ratio of two subjects: the median over rounds. */
export function timesOf(figures, others) {
  return median(figures.map((figure, round) => figure / others[round]));
}
