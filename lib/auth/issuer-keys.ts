import type { Clock } from '../clock.js';
import { errorText, isError, safeText } from '../monitoring/index.js';
import { isTrustworthyUrl, type OidcAuthOptions } from '../options/index.js';
import { isInstance } from '../protocol/index.js';
import type { FindKey, OidcLibrary } from './oidc-library.js';

/** How long the issuer may take to answer, in milliseconds. */
const TIMEOUT = 5_000;
/** How often a token with an unknown key may have the key set fetched again, in milliseconds. */
const COOLDOWN = 10_000;
/** How long a failure counts for further tokens, in milliseconds. Clients choose how many tokens there are. */
const RETRY_AFTER = 1_000;
/** How long a key set is used, in milliseconds. */
const MAX_AGE = 600_000;
/** The largest document that is read, in bytes. The issuer may be broken, or another server may have its address. */
const MAX_SIZE = 1_048_576;

/** The issuer did not answer, or its answer cannot be used. That says nothing about a token. */
export class IssuerError extends Error {
  override readonly name = 'IssuerError';
}

/** Errors of jose by which a key set does not have the key of a token. */
const NO_KEY = 'ERR_JWKS_NO_MATCHING_KEY';
const OF_TOKENS = [NO_KEY, 'ERR_JWKS_MULTIPLE_MATCHING_KEYS'];

/**
 * The public keys of an issuer: fetched when they are first needed, and again when a token names a new one. The remote key set of
 * jose does the same, but reads an answer of any size.
 */
export class IssuerKeys {
  private url: string | undefined;
  private keySet: FindKey | undefined;
  private fetchedAt = 0;
  private fetching: Promise<void> | undefined;
  private failure: { readonly error: unknown; readonly at: number } | undefined;

  constructor(
    private readonly options: Pick<OidcAuthOptions, 'issuer' | 'jwksUri'>,
    private readonly jose: OidcLibrary,
    private readonly clock: Clock,
  ) {}

  /**
   * Finds the key of a token.
   *
   * @throws IssuerError if the issuer cannot be asked; errors of jose if it has no such key
   */
  async find(header: object, token: object): Promise<unknown> {
    if (!this.isYoungerThan(MAX_AGE)) await this.refresh();
    try {
      return await this.lookUp(header, token);
    } catch (error) {
      if (codeOf(error) !== NO_KEY || this.isYoungerThan(COOLDOWN)) throw error;
      await this.refresh();
      return this.lookUp(header, token);
    }
  }

  private async lookUp(header: object, token: object): Promise<unknown> {
    try {
      return await this.keySet?.(header, token);
    } catch (error) {
      throw problemOf(error);
    }
  }

  private isYoungerThan(milliseconds: number): boolean {
    return this.keySet !== undefined && this.isRecent(this.fetchedAt, milliseconds);
  }

  private isRecent(time: number, milliseconds: number): boolean {
    const age = this.clock.now() - time;
    // A clock that was set back shows an age below 0.
    return age >= 0 && age < milliseconds;
  }

  private async refresh(): Promise<void> {
    const { failure } = this;
    if (failure && this.isRecent(failure.at, RETRY_AFTER)) throw failure.error;
    this.fetching ??= this.fetchKeys()
      .catch((error: unknown) => {
        this.failure = { error, at: this.clock.now() };
        throw error;
      })
      .finally(() => {
        this.fetching = undefined;
      });
    await this.fetching;
  }

  private async fetchKeys(): Promise<void> {
    this.url ??= this.options.jwksUri ?? (await this.discover());
    try {
      this.keySet = this.jose.createLocalJWKSet(await fetchDocument(this.url));
      this.fetchedAt = this.clock.now();
    } catch (error) {
      throw problemOf(error);
    }
  }

  /** Asks the issuer where its keys are (OpenID Connect Discovery 1.0, section 4). */
  private async discover(): Promise<string> {
    const { issuer } = this.options;
    const path = '/.well-known/openid-configuration';
    let document: Record<string, unknown>;
    try {
      document = await fetchDocument(issuer.replace(/\/$/, '') + path);
    } catch (error) {
      throw new IssuerError(`the issuer did not answer ${path} (${describe(error)})`);
    }
    const { issuer: named, jwks_uri: jwksUri } = document;
    if (named !== issuer)
      throw new IssuerError(
        `auth.oidc.issuer is ${issuer}, but the issuer calls itself ${safeText(String(named))}`,
      );
    if (!isTrustworthyUrl(jwksUri))
      throw new IssuerError('the jwks_uri of the issuer is not an https URL');
    return jwksUri;
  }
}

/** Fetches a JSON object. A redirect is no answer: it could lead anywhere. */
async function fetchDocument(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new IssuerError(`status ${response.status}`);
  }
  const document: unknown = JSON.parse(await textOf(response));
  if (typeof document !== 'object' || document === null) throw new IssuerError('no JSON object');
  return document as Record<string, unknown>;
}

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_SIZE) throw new IssuerError(`more than ${MAX_SIZE} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Returns an error that says nothing about the token, except for those that do. */
function problemOf(error: unknown): unknown {
  if (OF_TOKENS.includes(codeOf(error))) return error;
  return new IssuerError(`the key set of the issuer cannot be used (${describe(error)})`);
}

export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Names an error of the network by its code, which `fetch` has in the cause. */
function describe(error: unknown): string {
  if (isInstance(error, IssuerError)) return error.message;
  const { cause } = (error ?? {}) as { cause?: unknown };
  const code = codeOf(cause) || codeOf(error);
  return code || (isError(error) ? errorText(error, 'name') : typeof error);
}
