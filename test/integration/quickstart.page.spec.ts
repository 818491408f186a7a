import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { PageFiles } from '../../sample/01-quickstart/page-files.js';
import { buildClientModules } from '../helpers/client-modules.js';
import { captureLog } from '../helpers/log-capture.js';
import { Quickstart } from '../helpers/quickstart.js';

let modules: Awaited<ReturnType<typeof buildClientModules>>;
let quickstart: Quickstart;

beforeAll(async () => {
  modules = await buildClientModules();
});
afterAll(() => {
  modules.remove();
});
beforeEach(async () => {
  quickstart = await Quickstart.start(modules.folder);
});
afterEach(() => quickstart.stop());

/** Asks for a path as it is: `fetch` would tidy it up before. */
const ask = (path: string, method = 'GET') =>
  new Promise<{ status?: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      request({ host: '127.0.0.1', port: quickstart.port, path, method, agent: false }, answer => {
        const { statusCode: status, headers } = answer;
        text(answer).then(body => {
          resolve({ status, headers, body });
        }, reject);
      })
        .on('error', reject)
        .end();
    },
  );

describe("the quickstart's page over HTTP", () => {
  it('may load, connect to and run nothing but its own, be framed by nobody, and make no markup of text', async () => {
    const { status, headers } = await ask('/');
    expect(status).toBe(200);
    const policy = String(headers['content-security-policy']).split('; ');
    const sockets = `ws://localhost:${quickstart.port} ws://127.0.0.1:${quickstart.port}`;
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      `connect-src 'self' ${sockets}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]);
  });

  it('may connect to where the gateway lets its pages connect from', async () => {
    await quickstart.stop();
    const settings = { ALLOWED_ORIGINS: 'https://myapp.com,https://*.myapp.com,*' };
    quickstart = await Quickstart.start(modules.folder, settings);
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toContain(
      "; connect-src 'self' wss://myapp.com wss://*.myapp.com; ",
    );
  });

  it('is not there, which is said, where the client is not built', () => {
    const log = captureLog();
    expect(new PageFiles(new URL('empty/', modules.folder)).paths).toEqual([]);
    expect(log.map(({ text }) => text)).toEqual([
      'There is no page: the client is not built (npm run build)',
    ]);
  });

  it('guards every file alike, and takes none for something else', async () => {
    const { headers } = await ask('/');
    for (const path of quickstart.paths) {
      const file = await ask(path);
      expect([path, file.status]).toEqual([path, 200]);
      expect(file.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
        'content-security-policy': headers['content-security-policy'],
        'content-type': expect.stringMatching(/^(text\/(html|css|javascript); charset|image\/svg)/),
      });
    }
  });

  it('has no script or style but in files of its own', async () => {
    const { body } = await ask('/');
    expect(body.match(/<script[^>]*>[^<]|<style|\s(style|on\w+)=|https?:/g)).toBeNull();
  });

  it('brings of the library what the client needs, and nothing of the server', () => {
    const served = quickstart.paths.filter(path => path.startsWith('/nestjs-semantic-events/'));
    expect(served).toContain('/nestjs-semantic-events/client/index.js');
    for (const path of served) expect(path).toMatch(/\/(client|event|protocol)\/[\w-]+\.js$/);
  });

  it.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2f..%2fpackage.json',
    '/nestjs-semantic-events/../../package.json',
    '/nestjs-semantic-events/client/../index.js',
    '/nestjs-semantic-events/index.js',
    '/tsconfig.json',
    '/main.js/',
    '//main.js',
    '/main.js%00.html',
    '/constructor',
    '/__proto__',
  ])('has nothing at %s', async path => {
    expect((await ask(path)).status).toBe(404);
  });

  it('answers HEAD without a body, and leaves other methods to others', async () => {
    expect(await ask('/', 'HEAD')).toMatchObject({ status: 200, body: '' });
    expect((await ask('/', 'POST')).status).toBe(404);
    expect((await ask('/main.js?v=1')).status).toBe(200);
    expect(await ask('/health')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  });
});
