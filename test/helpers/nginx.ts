import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blocksOf } from './code-blocks.js';
import { describeWith } from './describe-with.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

const HAS_NGINX =
  spawnSync('nginx', ['-v']).status === 0 && spawnSync('openssl', ['version']).status === 0;

/** Runs a suite that needs nginx. */
export const describeWithNginx = describeWith('nginx and openssl', HAS_NGINX, 'nginx openssl');

export interface Proxy {
  /** The TLS port. */
  port: number;
  stop: () => void;
}

/** Returns the configuration of docs/operating.md with the ports and files of a test. */
const configuration = (port: number, upstream: number, folder: string) => `
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
  ${site(port, upstream, folder)}
}
`;

/** Returns the site of the page with the values of this machine replaced. */
function site(port: number, upstream: number, folder: string): string {
  const shown = blocksOf('docs/operating.md').find(({ language }) => language === 'nginx');
  const changes = [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    [
      'server {',
      `server { ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;`,
    ],
    ['http://127.0.0.1:3000', `http://127.0.0.1:${upstream}`],
  ] as const;
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`docs/operating.md has no ${from}`);
    return text.replace(from, to);
  }, shown?.code ?? '');
}

/** Starts an nginx that terminates TLS with its own certificate, for an application on a port. */
export async function startNginx(upstream: number): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'semantic-events-nginx-'));
  const port = await freePort();
  mkdirSync(join(folder, 'logs'));
  const names = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const kind = ['-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names], { stdio: 'ignore' });
  writeFileSync(join(folder, 'nginx.conf'), configuration(port, upstream, folder));
  const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: 'ignore',
  });
  await eventually(() => isListening(port));
  return {
    port,
    stop: () => {
      nginx.once('exit', () => {
        rmSync(folder, { recursive: true, force: true });
      });
      nginx.kill('SIGTERM');
    },
  };
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
