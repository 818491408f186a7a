import { deflateRawSync } from 'node:zlib';
import type { JwtAuthOptions } from '../options/index.js';
import { type AuditCheck, type AuditSubject, fail, pass, warn } from './audit-report.js';

const DAY = 86_400_000;
const MAX_AGE = 365 * DAY;
const MAX_KEYS = 5;
/** Below, in bits, a secret was certainly, or probably, made up by hand. */
const HOPELESS = 64;
const DOUBTFUL = 128;
/** What is in secrets of examples, such as that of jwt.io, and hardly ever in random ones. */
const PLACEHOLDER = /secret|passw|change|example|your|012345|abcdef/i;

export const keyStrength: AuditCheck = subject => {
  const secrets = secretsOf(subject);
  const texts = secrets.map(({ secret }) => Buffer.from(secret).toString('base64'));
  if (new Set(texts).size < texts.length)
    return fail(
      'auth.jwt.secret is a signing key, too',
      'Make a secret of its own for each with EventSigner.generateKey()',
    );
  const mend = 'Make it with EventSigner.generateKey()';
  const below = (bits: number) =>
    secrets.filter(({ secret }) => entropyOf(secret) < bits).map(({ name }) => name);
  if (below(HOPELESS).length > 0)
    return fail(`Can be guessed: ${below(HOPELESS).join(', ')}`, mend);
  if (below(DOUBTFUL).length > 0)
    return warn(`Not random, by the look of it: ${below(DOUBTFUL).join(', ')}`, mend);
  return pass('Every secret is long and looks random');
};

export const keyRotation: AuditCheck = ({ keys, now }) => {
  const over = keys.filter(({ notAfter }) => notAfter < now);
  if (over.length > 0)
    return warn(
      `No longer in force: ${over.map(({ id }) => id).join(', ')}`,
      'Take them out of signing.keys',
    );
  if (keys.length > MAX_KEYS)
    return warn(
      `${keys.length} keys are accepted`,
      'Take out the old ones: each is one more that can leak',
    );
  const old = keys.filter(({ notBefore }) => notBefore > -Infinity && now - notBefore > MAX_AGE);
  return old.length > 0
    ? warn(
        `In use for more than a year: ${old.map(({ id }) => id).join(', ')}`,
        'Put a new key first, and take the old one out once its last events have expired',
      )
    : pass(`${keys.length === 1 ? 'One key is' : `${keys.length} keys are`} accepted`);
};

export const signatures: AuditCheck = ({ options }) =>
  options.signing.accept.includes('integradio')
    ? warn(
        'Signatures of the compatible mode are accepted, which leave subject, tags and extensions unsigned',
        "Leave signing.accept at ['v1'] once no older Python peer is left",
      )
    : pass('Every signature covers the whole event');

export const jwtAlgorithms: AuditCheck = ({ options }) => {
  const { jwt } = options.auth;
  if (!jwt) return pass("Tokens are validated by the application's own validateToken");
  const algorithms = jwt.algorithms ?? ['HS256'];
  const isShared = (algorithm: string) => algorithm.startsWith('HS');
  if (algorithms.some(isShared) && !algorithms.every(isShared))
    return fail(
      `Shared secrets and public keys are both taken: ${algorithms.join(', ')}`,
      'Name algorithms of one kind in auth.jwt.algorithms, lest a public key be taken for a secret',
    );
  const missing = (['audience', 'issuer'] as const).filter(name => jwt[name] === undefined);
  return missing.length > 0
    ? warn(
        `Tokens are taken whatever their ${missing.join(' and ')}`,
        `Set ${missing.map(name => `auth.jwt.${name}`).join(' and ')}`,
      )
    : pass(`Only ${algorithms.join(', ')} of the issuer, for this audience`);
};

interface NamedSecret {
  readonly name: string;
  readonly secret: string | Uint8Array;
}

function secretsOf({ keys, options }: AuditSubject): NamedSecret[] {
  const ring = keys.map(({ id, key }) => ({ name: `signing key ${id}`, secret: key.export() }));
  const { secret }: Partial<JwtAuthOptions> = options.auth.jwt ?? {};
  return secret === undefined ? ring : [...ring, { name: 'auth.jwt.secret', secret }];
}

/** At most so many bits are in a secret: what its bytes allow for, and what is left when repetition is. */
function entropyOf(secret: string | Uint8Array): number {
  const bytes = Buffer.from(secret);
  if (PLACEHOLDER.test(bytes.toString())) return HOPELESS;
  const counts = new Map<number, number>();
  for (const byte of bytes) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  const perByte = [...counts.values()].reduce(
    (sum, count) => sum - (count / bytes.length) * Math.log2(count / bytes.length),
    0,
  );
  return Math.min(perByte * bytes.length, deflateRawSync(bytes).length * 8);
}
