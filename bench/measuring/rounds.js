// Rounds that take turns, so that what disturbs the machine disturbs all alike, and what is made of their figures.

/** Rounds of which a median is worth something. */
const ENOUGH = 3;

/**
 * Has each subject measured once a round, each round beginning with another one.
 *
 * @param rounds how many at most
 * @param measure what is measured in one round: a number
 * @param until when the time is up, as `performance.now()` says: from then on no more rounds than are enough
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

/** How many times one is the other: the median over rounds of what both did in the same one. */
export function timesOf(figures, others) {
  return median(figures.map((figure, round) => figure / others[round]));
}
