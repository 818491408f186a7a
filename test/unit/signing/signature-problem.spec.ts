import { createHash, createHmac, createSecretKey } from 'node:crypto';
import type { SemanticEvent } from '../../../lib/event/index.js';
import { canonicalize } from '../../../lib/signing/index.js';
import {
  explainSignature,
  formProblem,
  keyProblem,
  macProblem,
  windowProblem,
} from '../../../lib/signing/signature-problem.js';

const MAC = 'A'.repeat(43);
const FORM = 'v1.<key id>.<43 characters of base64url>';
const SECRET = '0123456789abcdef0123456789abcdef';
const key = createSecretKey(Buffer.from(SECRET));
/** An event whose members do not stand in canonical order, and one whose members do. */
const EVENT: SemanticEvent = { type: 'a', specversion: '1.0', source: 's', id: '1', data: 'é' };
const SORTED: SemanticEvent = { id: '1', source: 's', specversion: '1.0', type: 'a' };
const macOf = (text: string, secret: string | Buffer = SECRET) =>
  createHmac('sha256', secret).update(text).digest('base64url');

describe('the reason of a refused signature', () => {
  it.each<[unknown, string]>([
    [undefined, 'semanticsignature is missing'],
    [null, 'semanticsignature is missing'],
    [7, `semanticsignature must be a string: ${FORM}`],
    ['', `semanticsignature must be ${FORM}`],
    [MAC, `semanticsignature must be ${FORM}`],
    [`v2.main.${MAC}=`, `semanticsignature must be ${FORM}`],
    [`v1.main.${MAC.slice(1)}`, `semanticsignature must be ${FORM}`],
    [`v1e.${MAC}`, 'v1e is for events of the server: sign with v1'],
    [`v1.v1e.v1e.`, `semanticsignature must be ${FORM}`],
    [`v1.main.${MAC.slice(1)}+`, 'the MAC is base64 and must be base64url without padding'],
    [`v1.main.${MAC.slice(1)}/`, 'the MAC is base64 and must be base64url without padding'],
    [`v1.main.${MAC}=`, 'the MAC is base64 and must be base64url without padding'],
    ...['a1'.repeat(32), 'B2'.repeat(32)].map((hex): [string, string] => [
      hex,
      `semanticsignature is 64 hexadecimal digits and must be ${FORM}; signing.accept has no 'integradio'`,
    ]),
    ['a'.repeat(63), `semanticsignature must be ${FORM}`],
    ['a'.repeat(65), `semanticsignature must be ${FORM}`],
  ])('names the form of %j', (signature, problem) => {
    expect(formProblem(signature)).toBe(problem);
  });

  it.each([
    ['s-1', 'ring', 'the handler accepts keys of the ring only'],
    ['s-1', 'session', 'key id "s-1" is the session key of another connection'],
    ['s-1', 'any', 'key id "s-1" is the session key of another connection'],
    ['key-s-', 'session', 'the handler accepts the session key only'],
    ['key-s-', 'ring', 'key id "key-s-" is unknown, or its key is not in force'],
    ['key-s-', 'any', 'key id "key-s-" is unknown, or its key is not in force'],
  ] as const)('names what is wrong with key %s where %s is accepted', (id, accepted, problem) => {
    expect(keyProblem(id, accepted)).toBe(problem);
  });

  const text = canonicalize(EVENT);
  it.each([
    [
      'another direction',
      macOf(`v1.s2c.${text}`),
      'direction s2c where c2s was expected (the server signed it)',
    ],
    [
      'the order of the members',
      macOf(`v1.c2s.${JSON.stringify(EVENT)}`),
      'the MAC covers the members in the order they were sent: sign the RFC 8785 canonical form',
    ],
    ['a missing prefix', macOf(text), 'the MAC must begin with "v1.c2s."'],
    [
      'a key in base64url',
      macOf(`v1.c2s.${text}`, Buffer.from(SECRET).toString('base64url')),
      'the key was used as base64url text and must be decoded first',
    ],
    [
      'a key in hexadecimal',
      macOf(`v1.c2s.${text}`, Buffer.from(SECRET).toString('hex')),
      'the key was used as hex text and must be decoded first',
    ],
    [
      'anything else, with the canonical text to compare',
      MAC,
      `MAC differs (canonical text: ${Buffer.byteLength(text)} bytes, sha256 ${createHash('sha256').update(text).digest('hex').slice(0, 16)}…)`,
    ],
  ])('names %s', (_, mac, problem) => {
    expect(macProblem({ ...EVENT, semanticsignature: 'x' }, 'c2s', key, mac)).toBe(problem);
  });

  it('names the client as the signer of an event that was expected from the server', () => {
    expect(macProblem(EVENT, 's2c', key, macOf(`v1.c2s.${text}`))).toBe(
      'direction c2s where s2c was expected (a client signed it)',
    );
  });

  it('does not blame the order of members that stand in canonical order', () => {
    const mac = macOf(`v1.c2s.${canonicalize(SORTED)}`);
    expect(macProblem(SORTED, 'c2s', key, mac)).toMatch(/^MAC differs/);
  });

  it.each([
    [61_400, 0, 'time is 61 s old (signing.maxAge is 60 s)'],
    [0, 7_600, 'time is 8 s ahead (signing.clockSkew is 5 s)'],
    [0, 400, 'time is 0 s ahead (signing.clockSkew is 5 s)'],
  ])('names the age of an event in whole seconds: %d ms, %d ms ahead', (now, time, problem) => {
    expect(windowProblem(time, now, { maxAge: 60_000, clockSkew: 5_000 })).toBe(problem);
  });

  it('names another key id before it compares the MAC', () => {
    const explained = (semanticsignature?: string) =>
      explainSignature({ ...EVENT, semanticsignature }, 'c2s', { id: 'main', key });
    expect(explained()).toBe('semanticsignature is missing');
    expect(explained(`v1.other.${MAC}`)).toBe('it names the key id "other", and not "main"');
    expect(explained(`v1.main.${MAC}`)).toMatch(/^MAC differs/);
  });
});
