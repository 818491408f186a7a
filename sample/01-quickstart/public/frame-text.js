// @ts-check
import { make } from './dom.js';

/** The maximum number of characters to show of a frame. */
const MAX_LENGTH = 2_000;

/**
 * Shows the text of a frame. The part that its signature covers is marked.
 *
 * @param {string} text
 */
export function frameText(text) {
  return make('pre', { tabIndex: 0 }, ...partsOf(text));
}

/**
 * @param {string} text
 * @returns {(HTMLElement | string)[]}
 */
function partsOf(text) {
  if (text.length > MAX_LENGTH)
    return [`${text.slice(0, MAX_LENGTH)}… (${text.length.toLocaleString()} characters)`];
  const frame = JSON.parse(text);
  const { event, ...rest } = frame;
  if (!event?.semanticsignature) return [JSON.stringify(frame, undefined, 2)];
  const { semanticsignature, ...covered } = event;
  return [
    `${JSON.stringify(rest)}\n`,
    make('mark', {}, JSON.stringify(covered, undefined, 2)),
    `\nsignature: ${semanticsignature}`,
  ];
}
