import { hkdfSync } from 'node:crypto';
import { EventSigner, type SigningKey } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const bytesOf = (key: SigningKey | undefined) => key?.key.export().toString('hex');

describe('EventSigner.purposeKeys', () => {
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

  it('include a current key of 32 bytes that can be looked up by id', () => {
    const keys = signer.purposeKeys('tickets');
    expect(keys.current.id).toBe('one');
    expect(keys.current.key.symmetricKeySize).toBe(32);
    expect(bytesOf(keys.find('one'))).toBe(bytesOf(keys.current));
  });

  it('are derived by HKDF-SHA256 without a salt, so that nodes of other versions have the same ones', () => {
    const derived = hkdfSync('sha256', 'a'.repeat(32), '', 'tickets', 32);
    expect(bytesOf(signer.purposeKeys('tickets').current)).toBe(
      Buffer.from(derived).toString('hex'),
    );
  });

  it('are the same for the same purpose and ring key', () => {
    const [one, other] = [signer.purposeKeys('tickets'), signer.purposeKeys('tickets')];
    expect(bytesOf(one.current)).toBe(bytesOf(other.current));
  });

  it('list one key for each ring key in force, the current one first', () => {
    const ids = signer
      .purposeKeys('tickets')
      .inForce()
      .map(({ id }) => id);
    expect(ids).toEqual(['one', 'two']);
  });

  it('differ by purpose and ring key, and from ring and session keys', () => {
    const keys = [
      ...signer.purposeKeys('tickets').inForce(),
      signer.purposeKeys('other').current,
      signer.sessionKeyOf(clientAt('192.0.2.1')),
    ].map(bytesOf);
    keys.push(Buffer.from('a'.repeat(32)).toString('hex'));
    expect(new Set(keys).size).toBe(5);
  });

  it('do not exist for unknown keys, session keys and keys that are not in force', () => {
    const keys = signer.purposeKeys('tickets');
    expect(keys.find('three')).toBeUndefined();
    expect(keys.find('s-one')).toBeUndefined();
    clock.advance(1_001);
    expect(keys.find('one')).toBeUndefined();
    expect(keys.inForce()).toEqual([]);
    expect(refusalOf(() => keys.current)).toBe('UNAVAILABLE');
  });

  it('follow the key ring when it is replaced', () => {
    const keys = signer.purposeKeys('tickets');
    signer.rotate([{ id: 'three', secret: 'c'.repeat(32) }]);
    expect(keys.current.id).toBe('three');
    expect(keys.find('one')).toBeUndefined();
  });
});
