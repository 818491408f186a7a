import type { SemanticEvent } from '../../../lib/event/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';

const SECOND = 1000;
const EVENT: SemanticEvent = {
  specversion: '1.0',
  type: 'ui.click',
  source: 'app',
  id: 'fixed-id',
  time: '2026-11-23T10:00:00Z',
};

describe('EventSigner', () => {
  let clock: FakeClock;
  let signer: EventSigner;

  beforeEach(() => {
    clock = new FakeClock();
    signer = new EventSigner(resolvedOptions(), clock);
  });

  const outcome = (event: SemanticEvent) => refusalOf(() => signer.verify(event));
  const signed = () => signer.sign(EVENT, { direction: 'c2s' });

  it.each([
    ['300 s old', 300 * SECOND, undefined],
    ['300 s and 1 ms old', 300 * SECOND + 1, 'EVENT_EXPIRED'],
    ['60 s ahead', -60 * SECOND, undefined],
    ['60 s and 1 ms ahead', -60 * SECOND - 1, 'EVENT_EXPIRED'],
  ])(
    'accepts or rejects an event that is %s at the edges of the time window',
    (_, elapsed, code) => {
      const event = signed();
      clock.setWall(clock.now() + elapsed);
      expect(outcome(event)).toBe(code);
    },
  );

  it('uses the time window of the options', () => {
    const keys = [{ id: 'main', secret: MAIN_SECRET }];
    const options = resolvedOptions({ signing: { keys, maxAge: 5 * SECOND, clockSkew: 0 } });
    signer = new EventSigner(options, clock);
    const event = signed();
    clock.advance(5 * SECOND);
    expect(outcome(event)).toBeUndefined();
    clock.advance(1);
    expect(outcome(event)).toBe('EVENT_EXPIRED');
    clock.setWall(clock.now() - 5 * SECOND - 2);
    expect(outcome(event)).toBe('EVENT_EXPIRED');
  });

  it('checks the time before the signature', () => {
    const event = { ...signed(), semanticsignature: '' };
    expect(outcome(event)).toBe('INVALID_SIGNATURE');
    clock.advance(301 * SECOND);
    expect(outcome(event)).toBe('EVENT_EXPIRED');
  });
});
