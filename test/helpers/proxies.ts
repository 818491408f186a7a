import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blocksOf } from './code-blocks.js';
import { describeWith } from './describe-with.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

const PAGE = 'docs/operating.md';

/** The ports and files of one running proxy. */
interface Place {
  /** The TLS port. */
  port: number;
  /** A folder with `cert.pem`, `key.pem`, and `both.pem` with both of them. */
  folder: string;
}

/** How a test runs a proxy with the configuration that the page shows. */
interface Kind {
  /** A text that only the block of this proxy contains. */
  shows: string;
  /** The arguments that print the version. */
  version: string[];
  /** The texts of the block that a test replaces with its own. */
  changes: (place: Place) => [from: string, to: string][];
  /** Adds what the page leaves to the installation. */
  within?: (shown: string, place: Place) => string;
  args: (file: string, folder: string) => string[];
}

const KINDS = {
  nginx: {
    shows: 'proxy_set_header',
    version: ['-v'],
    changes: ({ port, folder }) => [
      ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
      [
        'server {',
        `server { ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;`,
      ],
    ],
    within: (shown, { folder }) => `
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${shown}
}
`,
    args: (file, folder) => ['-p', folder, '-c', file],
  },
  haproxy: {
    shows: 'default_backend',
    version: ['-v'],
    changes: ({ port, folder }) => [
      ['bind :443', `bind 127.0.0.1:${port}`],
      ['/etc/haproxy/myapp.pem', `${folder}/both.pem`],
    ],
    args: file => ['-db', '-f', file],
  },
  caddy: {
    shows: 'reverse_proxy',
    version: ['version'],
    changes: ({ port, folder }) => [
      [
        'myapp.com {',
        `https://127.0.0.1:${port} {\n  bind 127.0.0.1\n  tls ${folder}/cert.pem ${folder}/key.pem`,
      ],
    ],
    within: shown => `{\n  admin off\n  auto_https off\n}\n${shown}`,
    args: file => ['run', '--adapter', 'caddyfile', '--config', file],
  },
} satisfies Record<string, Kind>;

export type ProxyName = keyof typeof KINDS;

export const PROXY_NAMES = Object.keys(KINDS) as ProxyName[];

/** Runs a suite that needs a proxy, and openssl for its certificate. */
export function describeWithProxy(name: ProxyName): ReturnType<typeof describeWith> {
  const isThere = [
    [name, ...KINDS[name].version],
    ['openssl', 'version'],
  ].every(([program = '', ...args]) => spawnSync(program, args).status === 0);
  return describeWith(`${name} and openssl`, isThere, `${name} openssl`);
}

export interface Proxy {
  /** The TLS port. */
  port: number;
  stop: () => void;
}

/** Returns the configuration of the page, with the values of this machine replaced. */
function configurationOf(name: ProxyName, upstream: number, place: Place): string {
  const { changes, shows, within = shown => shown }: Kind = KINDS[name];
  const shown = blocksOf(PAGE).find(({ code }) => code.includes(shows));
  const all = [...changes(place), ['127.0.0.1:3000', `127.0.0.1:${upstream}`] as const];
  const site = all.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${PAGE} has no ${from}`);
    return text.replace(from, to);
  }, shown?.code ?? '');
  return within(site, place);
}

/** Starts a proxy that terminates TLS with its own certificate, for an application on a port. */
export async function startProxy(name: ProxyName, upstream: number): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), `semantic-events-${name}-`));
  const port = await freePort();
  mkdirSync(join(folder, 'logs'));
  makeCertificate(folder);
  const file = join(folder, 'proxy.conf');
  writeFileSync(file, configurationOf(name, upstream, { port, folder }));
  const proxy = spawn(name, KINDS[name].args(file, folder), {
    stdio: 'ignore',
    // Caddy stores certificates and its configuration there.
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  await eventually(() => isListening(port));
  return {
    port,
    stop: () => {
      proxy.once('exit', () => {
        rmSync(folder, { recursive: true, force: true });
      });
      proxy.kill('SIGTERM');
    },
  };
}

function makeCertificate(folder: string): void {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = ['-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
  // Caddy selects a certificate by the address, if the client sends no name.
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names], { stdio: 'ignore' });
  const parts = [cert, key].map(part => readFileSync(part, 'utf8'));
  writeFileSync(join(folder, 'both.pem'), parts.join(''));
}

function isListening(port: number): boolean {
  try {
    execFileSync('openssl', ['s_client', '-connect', `127.0.0.1:${port}`], {
      input: '',
      stdio: ['pipe', 'ignore', 'ignore'],
      timeout: 2_000,
    });
    return true;
  } catch {
    return false;
  }
}
