import * as fc from 'fast-check';
import { type Audience, PUBLIC } from '../../lib/mesh/index.js';
import { addressOf, channelOf } from '../../lib/mesh/audience.js';
import { InMemoryEventLog } from '../../lib/mesh/index.js';
import { EventLogKeys } from '../../lib/redis/event-log-keys.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import { RecordingFollower } from '../contract/event-log.contract.js';
import { LOG_LIMITS } from '../helpers/event-logs.js';
import { FakeClock } from '../helpers/fake-clock.js';

fc.configureGlobal({ seed: 20_261_128 });

/** Characters with a meaning in patterns, channels, Redis keys, JSON or regular expressions. */
const PIECES = [
  '*',
  '**',
  '.',
  '..',
  'a',
  'b',
  ':',
  '/',
  '{',
  '}',
  '%7D',
  '\n',
  ' ',
  '"',
  '😀',
  '\u0000',
  'é',
  'e\u0301',
  'user',
  'r:',
  'room/',
  '\\',
  '$1',
  '-',
  '__proto__',
  // Halves of an astral character: alone they are no id, in this order they are one.
  '\ud83d',
  '\ude00',
  // Equal to others after normalization (NFC, NFKC), or to the eye.
  '\u00c5',
  'A\u030a',
  '\u212b',
  '\uff0a',
  '\u0430',
  'x'.repeat(255),
];
const id = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 4 })
  .map(parts => parts.join(''));
const kind = fc.constantFrom('user', 'session', 'client', 'room');
const anything = fc.tuple(kind, id);
/** The name of a room becomes a CloudEvents attribute, which has no control characters. */
const isId = ([name, text]: [string, string]) =>
  text.isWellFormed() && text.length <= 256 && !(name === 'room' && /\p{Cc}/u.test(text));
const audience = anything.filter(isId);

const audienceOf = ([name, text]: [string, string]) => ({ [name]: text }) as unknown as Audience;
const isSame = (a: [string, string], b: [string, string]) => a[0] === b[0] && a[1] === b[1];

describe('audiences whose ids contain any characters', () => {
  it('receive exactly the events addressed to them', () => {
    let pairs = 0;
    fc.assert(
      fc.property(fc.array(audience, { minLength: 2, maxLength: 6 }), all => {
        for (const receiver of all) {
          const log = new InMemoryEventLog(LOG_LIMITS, new FakeClock());
          const follower = new RecordingFollower();
          log.follow(follower);
          log.listen(channelOf(audienceOf(receiver)));
          for (const [at, to] of all.entries()) {
            pairs++;
            log.append({ channel: channelOf(audienceOf(to)), type: 'said', text: `${at}` });
          }
          const own = all.flatMap((to, at) => (isSame(to, receiver) ? [`${at}`] : []));
          expect(follower.texts).toEqual(own);
          const channels = [channelOf(audienceOf(receiver))];
          const page = log.read({ channels, after: undefined, limit: 100 });
          expect(page.entries.map(({ text }) => text)).toEqual(own);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(pairs).toBeGreaterThanOrEqual(10_000);
  });

  it('are refused, and so receive nothing, if their id is too long, not Unicode, or a room with control characters', () => {
    fc.assert(
      fc.property(anything, given => {
        const channel = () => channelOf(audienceOf(given));
        if (isId(given)) expect(channel).not.toThrow();
        else expect(channel).toThrow('audience');
      }),
      { numRuns: 2_000 },
    );
  });

  it('have channels, keys and rooms of their own in Redis', () => {
    const keys = new EventLogKeys('prefix:{se}:events');
    const rooms = new RedisKeys('prefix:');
    const reserved = Object.values(keys as unknown as Record<string, string>);
    fc.assert(
      fc.property(audience, audience, (a, b) => {
        const [one, other] = [channelOf(audienceOf(a)), channelOf(audienceOf(b))];
        expect(one === other).toBe(isSame(a, b));
        expect(keys.stream(one) === keys.stream(other)).toBe(isSame(a, b));
        expect(one).not.toBe(PUBLIC);
        expect(reserved).not.toContain(keys.stream(one));
        expect(keys.grants(a[1]) === keys.grants(b[1])).toBe(a[1] === b[1]);
        expect(rooms.room(a[1]).users === rooms.room(b[1]).users).toBe(a[1] === b[1]);
        expect(rooms.room(a[1]).users).not.toBe(rooms.room(b[1]).nodes);
      }),
      { numRuns: 10_000 },
    );
  });

  it('are named to the client without the id of a user, session or connection', () => {
    fc.assert(
      fc.property(audience, ([name, text]) => {
        const shown = addressOf(audienceOf([name, text])).attribute;
        expect(shown).toBe(name === 'room' ? `room/${text}` : name);
      }),
    );
  });
});
