import type { LogPage } from '../mesh/index.js';

/** Characters after which a page of the log has no further entry. */
export const MAX_PAGE_SIZE = 262_144;

/** What the script answers that reads the log. */
export type ReadReply = [
  isGap: number,
  isEnd: number,
  entries: [id: string, type: string, text: string][],
];

/** @param after the id it was asked to read behind, if any */
export function pageOf([isGap, isEnd, found]: ReadReply, after: string | undefined): LogPage {
  const entries = found.map(([cursor, type, text]) => ({ cursor, type, text }));
  // Without entries it has read on behind an id that is there.
  const cursor = entries.at(-1)?.cursor ?? after ?? '';
  return { entries, cursor, isGap: isGap === 1, isEnd: isEnd === 1 };
}
