import { EventSigner, type SigningKey } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const bytesOf = (key: SigningKey | undefined) => key?.key.export().toString('hex');

describe('EventSigner.purposeKey', () => {
  let clock: FakeClock;
  let signer: EventSigner;

  beforeEach(() => {
    clock = new FakeClock();
    const until = new Date(clock.now() + 1_000);
    signer = new EventSigner(
      resolvedOptions({
        signing: {
          keys: [
            { id: 'one', secret: 'a'.repeat(32), notAfter: until },
            { id: 'two', secret: 'b'.repeat(32), notAfter: until },
          ],
        },
      }),
      clock,
    );
  });

  it('is found again by its id, and is 32 bytes', () => {
    const key = signer.purposeKey('tickets');
    expect(key.id).toBe('one');
    expect(key.key.symmetricKeySize).toBe(32);
    expect(bytesOf(signer.findPurposeKey('tickets', 'one'))).toBe(bytesOf(key));
  });

  it('differs by purpose, by ring key, from that, and from session keys', () => {
    const keys = [
      signer.purposeKey('tickets'),
      signer.purposeKey('other'),
      signer.findPurposeKey('tickets', 'two'),
      signer.sessionKeyOf(clientAt('192.0.2.1')),
    ].map(bytesOf);
    keys.push(Buffer.from('a'.repeat(32)).toString('hex'));
    expect(new Set(keys).size).toBe(5);
  });

  it('is not there for unknown keys, session keys, and those that are out of force', () => {
    expect(signer.findPurposeKey('tickets', 'three')).toBeUndefined();
    expect(signer.findPurposeKey('tickets', 's-one')).toBeUndefined();
    clock.advance(1_001);
    expect(signer.findPurposeKey('tickets', 'one')).toBeUndefined();
    expect(refusalOf(() => signer.purposeKey('tickets'))).toBe('UNAVAILABLE');
  });
});
