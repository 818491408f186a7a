import { deflateRawSync } from 'node:zlib';
import { isPublishedSecret, type JwtAuthOptions } from '../options/index.js';
import { type AuditCheck, type AuditSubject, fail, pass, warn } from './audit-report.js';

const DAY = 86_400_000;
const MAX_AGE = 365 * DAY;
const MAX_KEYS = 5;
/** A secret with fewer bits can be guessed. */
const GUESSABLE = 64;
/** A secret with fewer bits is probably not random. */
const DOUBTFUL = 128;
/** Words of example secrets, such as the one of jwt.io. Random secrets almost never contain them. */
const PLACEHOLDER = /secret|passw|change|example|your|012345|abcdef/i;

export const keyStrength: AuditCheck = subject => {
  const secrets = secretsOf(subject);
  const texts = secrets.map(({ secret }) => Buffer.from(secret).toString('base64'));
  if (new Set(texts).size < texts.length)
    return fail(
      'auth.jwt.secret is also a signing key',
      'Generate a separate secret for each with EventSigner.generateKey()',
    );
  const fix = 'Generate it with EventSigner.generateKey()';
  const published = secrets.filter(({ secret }) => isPublishedSecret(secret));
  if (published.length > 0)
    return fail(`Published in documentation: ${published.map(({ name }) => name).join(', ')}`, fix);
  const below = (bits: number) =>
    secrets.filter(({ secret }) => entropyOf(secret) < bits).map(({ name }) => name);
  if (below(GUESSABLE).length > 0)
    return fail(`Easy to guess: ${below(GUESSABLE).join(', ')}`, fix);
  if (below(DOUBTFUL).length > 0)
    return warn(`Probably not random: ${below(DOUBTFUL).join(', ')}`, fix);
  return pass('Every secret is long and looks random');
};

export const keyRotation: AuditCheck = ({ keys, keyProblem, now, options }) => {
  if (keyProblem !== undefined)
    return warn(
      `The key ring could not be refreshed: ${keyProblem}`,
      'Fix what signing.keys reads; until then the old ring stays in use',
    );
  const over = keys.filter(({ notAfter }) => notAfter < now);
  if (over.length > 0)
    return warn(`Expired: ${over.map(({ id }) => id).join(', ')}`, 'Remove them from signing.keys');
  if (keys.length > MAX_KEYS)
    return warn(
      `${keys.length} keys are accepted`,
      'Remove the old ones: each is one more key that can leak',
    );
  if (options.signing.keySource && options.signing.refresh > DAY)
    return warn(
      `signing.keys is read every ${options.signing.refresh} ms: a key that has leaked stays in use as long`,
      'Lower signing.refresh to a minute',
    );
  const old = keys.filter(({ notBefore }) => notBefore > -Infinity && now - notBefore > MAX_AGE);
  return old.length > 0
    ? warn(
        `In use for more than a year: ${old.map(({ id }) => id).join(', ')}`,
        'Put a new key first, and remove the old key after its last events have expired',
      )
    : pass(`${keys.length === 1 ? 'One key is' : `${keys.length} keys are`} accepted`);
};

export const signatures: AuditCheck = ({ options }) =>
  options.signing.accept.includes('integradio')
    ? warn(
        'signing.accept contains integradio, whose signatures do not cover subject, tags and extensions',
        "Set signing.accept to ['v1'] when the last earlier Python client is gone",
      )
    : pass('Every signature covers the whole event');

export const jwtAlgorithms: AuditCheck = ({ options }) => {
  const { jwt, oidc } = options.auth;
  if (oidc) return pass(`Only tokens of ${oidc.issuer} are accepted, for this audience`);
  if (!jwt) return pass("The application's own validateToken validates tokens");
  const algorithms = jwt.algorithms ?? ['HS256'];
  const isShared = (algorithm: string) => algorithm.startsWith('HS');
  if (algorithms.some(isShared) && !algorithms.every(isShared))
    return fail(
      `auth.jwt.algorithms mixes shared secrets and public keys: ${algorithms.join(', ')}`,
      'List algorithms of one kind only: otherwise an attacker can use a public key as the secret',
    );
  const missing = (['audience', 'issuer'] as const).filter(name => jwt[name] === undefined);
  return missing.length > 0
    ? warn(
        `Tokens of every ${missing.join(' and ')} are accepted`,
        `Set ${missing.map(name => `auth.jwt.${name}`).join(' and ')}`,
      )
    : pass(`Tokens need ${algorithms.join(' or ')}, the issuer and the audience`);
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

/** Returns an upper bound of a secret's entropy, in bits: by the distribution of its bytes, and by its compressed size. */
function entropyOf(secret: string | Uint8Array): number {
  const bytes = Buffer.from(secret);
  if (PLACEHOLDER.test(bytes.toString())) return GUESSABLE;
  const counts = new Map<number, number>();
  for (const byte of bytes) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  const perByte = [...counts.values()].reduce(
    (sum, count) => sum - (count / bytes.length) * Math.log2(count / bytes.length),
    0,
  );
  return Math.min(perByte * bytes.length, deflateRawSync(bytes).length * 8);
}
