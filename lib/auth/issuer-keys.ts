import { errorText, isError } from '../monitoring/index.js';
import { isTrustworthyUrl, type OidcAuthOptions } from '../options/index.js';
import { isInstance } from '../protocol/index.js';
import type { FindKey, OidcLibrary } from './oidc-library.js';

/** How long the issuer may take to answer, in milliseconds. */
const TIMEOUT = 5_000;
/** How often a token with an unknown key may have the key set fetched again, in milliseconds. */
const COOLDOWN = 10_000;

/** The issuer did not answer, or its answer cannot be used. That says nothing about a token. */
export class IssuerError extends Error {
  override readonly name = 'IssuerError';
}

/** Errors of jose by which a key set does not have the key of a token. */
const OF_TOKENS = /^ERR_JWKS_(?:NO_MATCHING_KEY|MULTIPLE_MATCHING_KEYS)$/;

/** The public keys of an issuer: fetched when they are first needed, and again when a token names a new one. */
export class IssuerKeys {
  private keySet: Promise<FindKey> | undefined;

  constructor(
    private readonly options: Pick<OidcAuthOptions, 'issuer' | 'jwksUri'>,
    private readonly jose: OidcLibrary,
  ) {}

  /**
   * Finds the key of a token.
   *
   * @throws IssuerError if the issuer cannot be asked; errors of jose if it has no such key
   */
  async find(header: object, token: object): Promise<unknown> {
    const keySet = await this.open();
    try {
      return await keySet(header, token);
    } catch (error) {
      if (OF_TOKENS.test(codeOf(error))) throw error;
      throw new IssuerError(`the key set of the issuer cannot be used (${describe(error)})`);
    }
  }

  private async open(): Promise<FindKey> {
    this.keySet ??= this.locate().catch((error: unknown) => {
      // The next token tries again.
      this.keySet = undefined;
      throw error;
    });
    return this.keySet;
  }

  private async locate(): Promise<FindKey> {
    const url = this.options.jwksUri ?? (await this.discover());
    return this.jose.createRemoteJWKSet(new URL(url), {
      timeoutDuration: TIMEOUT,
      cooldownDuration: COOLDOWN,
    });
  }

  /** Asks the issuer where its keys are (OpenID Connect Discovery 1.0, section 4). */
  private async discover(): Promise<string> {
    const { issuer } = this.options;
    const { issuer: named, jwks_uri: jwksUri } = await fetchDocument(issuer);
    if (named !== issuer)
      throw new IssuerError(
        `auth.oidc.issuer is ${issuer}, but the issuer calls itself ${String(named)}`,
      );
    if (!isTrustworthyUrl(jwksUri))
      throw new IssuerError('the jwks_uri of the issuer is not an https URL');
    return jwksUri;
  }
}

async function fetchDocument(issuer: string): Promise<Record<string, unknown>> {
  const path = '/.well-known/openid-configuration';
  let document: unknown;
  try {
    const response = await fetch(issuer.replace(/\/$/, '') + path, {
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (response.status !== 200)
      throw new IssuerError(`the issuer answered ${response.status} to ${path}`);
    document = await response.json();
  } catch (error) {
    if (isInstance(error, IssuerError)) throw error;
    throw new IssuerError(`the issuer did not answer ${path} (${describe(error)})`);
  }
  if (typeof document !== 'object' || document === null)
    throw new IssuerError(`the issuer answered no JSON object to ${path}`);
  return document as Record<string, unknown>;
}

export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Names an error of the network by its code, which `fetch` has in the cause. */
function describe(error: unknown): string {
  const { cause } = (error ?? {}) as { cause?: unknown };
  const code = codeOf(cause) || codeOf(error);
  if (code === 'ERR_JOSE_GENERIC') return errorText(error, 'message');
  return code || (isError(error) ? errorText(error, 'name') : typeof error);
}
