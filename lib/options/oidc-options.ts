import type { ClientUser } from './client-user.js';
import { checkExpected, type JwtClaims } from './jwt-options.js';
import type { Problems } from './problems.js';

/** Algorithms with a public key: an issuer publishes no secrets. */
export const OIDC_ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'] as const),
  ...(['EdDSA', 'Ed25519', 'ES256K'] as const),
] as const;

export type OidcAlgorithm = (typeof OIDC_ALGORITHMS)[number];

/**
 * Options for tokens of an OpenID Connect provider, such as Auth0, Keycloak or Cognito. The library fetches the keys of the
 * issuer and caches them. If a token names a new key, it fetches them again. It needs the package jose.
 */
export interface OidcAuthOptions {
  /**
   * The `iss` that a token must have, letter by letter. It is an `https` URL; `http` is accepted for loopback addresses only.
   */
  issuer: string;
  /** The `aud` that a token must have: the name of your API at the issuer. */
  audience: string | string[];
  /**
   * The claim that must name the audience. Access tokens of Cognito have no `aud`, but a `client_id`. Session tokens of Clerk
   * have `azp`, the origin of the page.
   *
   * @default 'aud'
   */
  audienceClaim?: (typeof AUDIENCE_CLAIMS)[number];
  /** The URL of the issuer's key set. If omitted, `<issuer>/.well-known/openid-configuration` names it. */
  jwksUri?: string;
  /**
   * The accepted algorithms. `ES256K` needs jose 5, because the Web Cryptography API does not have it.
   *
   * @default ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']
   */
  algorithms?: OidcAlgorithm[];
  /** The tolerated difference between the clocks of the issuer and the server, in milliseconds. @default 0 */
  clockTolerance?: number;
  /** Converts verified claims to the user. The default uses `sub` as the id, and `roles` if it is a list. */
  toUser?: (claims: JwtClaims) => ClientUser | null | Promise<ClientUser | null>;
}

export const DEFAULT_OIDC_ALGORITHMS: readonly OidcAlgorithm[] = [
  'RS256',
  'PS256',
  'ES256',
  'EdDSA',
  'Ed25519',
];

const AUDIENCE_CLAIMS = ['aud', 'client_id', 'azp'] as const;

const KNOWN = [
  'issuer',
  'audience',
  'audienceClaim',
  'jwksUri',
  'algorithms',
  'clockTolerance',
  'toUser',
];

export function checkOidc(oidc: OidcAuthOptions, problems: Problems): void {
  if (!problems.unknown('auth.oidc', oidc, KNOWN)) return;
  checkUrl('auth.oidc.issuer', oidc.issuer, problems);
  if ((oidc as Partial<OidcAuthOptions>).audience === undefined)
    problems.add('auth.oidc.audience', 'is missing: a token for another API would be accepted');
  checkExpected('auth.oidc.audience', oidc.audience, problems);
  problems.oneOf('auth.oidc.audienceClaim', oidc.audienceClaim, AUDIENCE_CLAIMS);
  if (oidc.jwksUri !== undefined) checkUrl('auth.oidc.jwksUri', oidc.jwksUri, problems);
  checkAlgorithms(oidc.algorithms, problems);
  problems.integer('auth.oidc.clockTolerance', oidc.clockTolerance, { min: 0 });
  problems.fn('auth.oidc.toUser', oidc.toUser);
}

/** Returns whether keys may be fetched from a URL: no attacker between server and issuer can change them. */
export function isTrustworthyUrl(text: unknown): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

/** Returns whether a host is a loopback address. `URL` has already normalized every form of an IPv4 address. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function checkUrl(path: string, url: unknown, problems: Problems): void {
  if (typeof url === 'string' && problems.surrounded(path, url)) return;
  if (!isTrustworthyUrl(url))
    problems.add(path, 'must be an https URL without a password; http is for loopback only');
  else if (path.endsWith('issuer') && /[?#]/.test(url))
    problems.add(path, 'must have no query and no fragment');
}

function checkAlgorithms(algorithms: unknown, problems: Problems): void {
  if (algorithms === undefined) return;
  const known: readonly unknown[] = OIDC_ALGORITHMS;
  if (!Array.isArray(algorithms) || algorithms.length === 0)
    problems.add('auth.oidc.algorithms', 'must be a list of algorithms');
  else if (!algorithms.every(name => known.includes(name)))
    problems.add(
      'auth.oidc.algorithms',
      `may have algorithms with a public key only: ${OIDC_ALGORITHMS.join(', ')}`,
    );
}
