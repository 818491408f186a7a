import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;

const CURVES = { ES256: 'P-256', ES256K: 'secp256k1' } as const;
type Algorithm = 'RS256' | 'EdDSA' | keyof typeof CURVES;

interface IssuerKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const MOVED = '?moved';

/** An OpenID Connect provider on its own port. It is written from the RFCs, without jose. */
export class Issuer {
  /** The requested paths. */
  readonly requests: string[] = [];
  /** Whether it answers, fails, hangs, answers without end, or answers at another path only. */
  mode: 'works' | 'fails' | 'hangs' | 'floods' | 'redirects' = 'works';
  /** The bytes of answers without end. */
  flooded = 0;
  /** Members of the discovery document that differ. */
  discovery: Json = {};
  /** Members of the key set that are added. */
  keySet: Json = {};
  keys: IssuerKey[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** @param path the path of the issuer's name, such as `/realms/demo` */
  static async start(path = '', algorithm: Algorithm = 'RS256'): Promise<Issuer> {
    const server = createServer((request, response) => {
      const at = request.url ?? '';
      issuer.requests.push(at);
      if (issuer.mode === 'hangs') return;
      if (issuer.mode === 'floods') {
        issuer.flood(response);
        return;
      }
      if (issuer.mode === 'redirects' && !at.endsWith(MOVED)) {
        response.writeHead(302, { location: at + MOVED }).end();
        return;
      }
      const body = issuer.mode === 'fails' ? undefined : issuer.answer(at.replace(MOVED, ''));
      response.writeHead(body ? 200 : 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { error: 'down' }));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const issuer = new Issuer(server, `http://127.0.0.1:${port}${path}`);
    issuer.rotate(algorithm);
    running.push(issuer);
    return issuer;
  }

  /** Replaces all keys by a new one. */
  rotate(alg: Algorithm = 'RS256'): void {
    this.keys = [{ kid: `kid-${made++}`, alg, ...pairFor(alg) }];
  }

  /**
   * Creates a token signed by the newest key. Claims and header members with the value undefined
   * are omitted.
   */
  token(claims: Json, header: Json = {}): string {
    const { kid, alg, privateKey } = this.keys[0]!;
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const head = encode({ typ: 'JWT', alg, kid, ...header });
    const input = `${head}.${encode({ iss: this.url, exp, ...claims })}`;
    return `${input}.${signatureBy(alg, privateKey, input).toString('base64url')}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  /** Sends blanks until the client hangs up. */
  private flood(response: ServerResponse): void {
    const blanks = Buffer.alloc(1 << 20, ' ');
    const send = () => {
      while (!response.destroyed) {
        this.flooded += blanks.length;
        if (!response.write(blanks)) break;
      }
    };
    response.on('drain', send);
    send();
  }

  private answer(path: string): Json | undefined {
    const base = new URL(this.url).pathname.replace(/\/$/, '');
    if (path === `${base}/.well-known/openid-configuration`)
      return {
        issuer: this.url,
        jwks_uri: `${new URL(this.url).origin}${base}/jwks`,
        ...this.discovery,
      };
    if (path !== `${base}/jwks`) return undefined;
    const keys = this.keys.map(({ kid, alg, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      alg,
      use: 'sig',
    }));
    return { keys, ...this.keySet };
  }
}

export function encode(value: Json): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function pairFor(alg: Algorithm) {
  if (alg === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('ec', { namedCurve: CURVES[alg] });
}

function signatureBy(alg: Algorithm, key: KeyObject, input: string): Buffer {
  const bytes = Buffer.from(input);
  if (alg === 'EdDSA') return sign(null, bytes, key);
  return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
}

let made = 1;
const running: Issuer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(issuer => issuer.stop()));
});
