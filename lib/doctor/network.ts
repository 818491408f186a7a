import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ok, StepFailure, type StepResult } from './report.js';

/** The time limit of one step, in milliseconds. */
export const STEP_TIMEOUT = 10_000;

/** Reads the URL of a gateway; `http` and `https` stand for `ws` and `wss`. */
export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text.replace(/^http/i, 'ws')) : undefined;
  if (!url || !/^wss?:$/.test(url.protocol))
    throw new StepFailure(
      'url',
      `${text} is not the URL of a gateway`,
      'Write it as wss://host/path, with the path of @WebSocketGateway({ path })',
    );
  url.hash = '';
  return url;
}

export async function resolve({ hostname }: URL): Promise<StepResult> {
  const host = hostOf(hostname);
  if (isIP(host)) return ok('dns', `${host} is an address`);
  try {
    const found = await lookup(host, { all: true });
    return ok('dns', `${host} has ${found.map(({ address }) => address).join(', ')}`);
  } catch (error) {
    throw new StepFailure(
      'dns',
      `${host} has no address (${codeOf(error)})`,
      'Check the host name for mistakes, and the DNS record. Behind a VPN, check its name server',
    );
  }
}

export async function reach(url: URL): Promise<StepResult> {
  const at = { host: hostOf(url.hostname), port: portOf(url) };
  const socket = connectTcp(at);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(STEP_TIMEOUT) });
    return ok('tcp', `port ${at.port} is open`);
  } catch (error) {
    const code = codeOf(error);
    throw new StepFailure(
      'tcp',
      `port ${at.port} of ${at.host} cannot be reached (${code})`,
      code === 'ECONNREFUSED'
        ? 'Check that the server runs, its port, and that it listens on more than 127.0.0.1'
        : 'Check firewalls and security groups between here and the server',
    );
  } finally {
    socket.destroy();
  }
}

/** The advice for errors of a TLS handshake. */
const TLS_ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/EXPIRED/, 'Renew the certificate'],
  [
    /SELF_SIGNED|UNABLE_TO_|ISSUER/,
    'Install the whole chain of certificates. For an authority of your own, set NODE_EXTRA_CA_CERTS to its file',
  ],
  [
    /ALTNAME/,
    'The certificate is for another host: check the URL and the names in the certificate',
  ],
  [
    /WRONG_VERSION|EPROTO|PACKET_LENGTH|ECONNRESET/,
    'The port does not speak TLS: use ws:// there, or the port of the proxy that ends TLS',
  ],
];

export async function secure(url: URL): Promise<StepResult> {
  if (url.protocol === 'ws:') return ok('tls', 'not used: the URL begins with ws://');
  const host = hostOf(url.hostname);
  const servername = isIP(host) ? undefined : host;
  const socket = connectTls({ host, port: portOf(url), servername });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(STEP_TIMEOUT) });
    const { valid_to: until } = socket.getPeerCertificate();
    return ok('tls', `${socket.getProtocol()}, certificate valid until ${until}`);
  } catch (error) {
    const code = codeOf(error);
    throw new StepFailure(
      'tls',
      `the TLS handshake failed (${code})`,
      TLS_ADVICE.find(([pattern]) => pattern.test(code))?.[1] ??
        'Check the TLS settings of the server or proxy',
    );
  } finally {
    socket.destroy();
  }
}

export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (name === 'AbortError') return `no answer in ${STEP_TIMEOUT / 1000} s`;
  return typeof code === 'string' ? code : String(name);
}

/** Returns the host without the brackets of an IPv6 URL. */
function hostOf(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'wss:' ? 443 : 80) : Number(port);
}
