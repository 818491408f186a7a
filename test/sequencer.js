// The order of suites. Jest runs the longest of its last run first, and without a last run the largest files. The longest suites
// are small files, because others do their work: browsers, bundlers, benchmarks, Redis. In a new clone they are first, too.
import Sequencer from '@jest/test-sequencer';

const LONG =
  /\/test\/(bench|browser|package|pages|redis|client\/(bundlers|chromium|faulty-network|react)|integration\/quickstart\.production)\b/;

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    const isLong = ({ path }) => LONG.test(path);
    return [...sorted.filter(isLong), ...sorted.filter(test => !isLong(test))];
  }
}
