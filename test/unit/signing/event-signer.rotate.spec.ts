import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';

const OLD = { id: 'main', secret: MAIN_SECRET };
const NEW = { id: 'next', secret: 'next-secret-of-at-least-32-bytes!' };
const event = { type: 'ui.click', source: 'app' };

let signer: EventSigner;

beforeEach(() => {
  signer = new EventSigner(resolvedOptions(), new FakeClock());
});

const sign = () => signer.sign(event, { direction: 'c2s' });

describe('EventSigner.rotate', () => {
  it('signs with the new first key from then on', () => {
    signer.rotate([NEW, OLD]);
    expect(signer.verify(sign())).toBe('next');
  });

  it('verifies signatures of a key until it is removed', () => {
    const before = sign();
    signer.rotate([NEW, OLD]);
    expect(signer.verify(before)).toBe('main');
    signer.rotate([NEW]);
    expect(refusalOf(() => signer.verify(before))).toBe('INVALID_SIGNATURE');
  });

  it.each([
    ['no keys', []],
    ['a short key', [{ id: 'a', secret: 'short' }]],
    ['a repeated id', [NEW, NEW]],
    ['the id of a session key', [{ ...NEW, id: 's-1' }]],
    ['expired keys', [{ ...NEW, notAfter: new Date(0) }]],
    ['a value that is not a list', NEW],
  ])('rejects %s like the options do, and keeps the ring', (_, keys) => {
    expect(() => {
      signer.rotate(keys as []);
    }).toThrow(SemanticEventsConfigError);
    expect(signer.verify(sign())).toBe('main');
  });

  it.each([
    ['rejects', 'production'],
    ['accepts', 'development'],
  ])('%s a key of the documentation in %s', (decision, environment) => {
    const { NODE_ENV } = process.env;
    const published = { id: 'next', secret: 'ring-key-of-the-test-vectors-32b' };
    process.env.NODE_ENV = environment;
    try {
      const rotate = expect(() => {
        signer.rotate([published, OLD]);
      });
      if (decision === 'accepts') rotate.not.toThrow();
      else rotate.toThrow(SemanticEventsConfigError);
    } finally {
      process.env.NODE_ENV = NODE_ENV;
    }
    expect(signer.verify(sign())).toBe(decision === 'accepts' ? 'next' : 'main');
  });
});
