import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Quickstart } from '../helpers/quickstart.js';

let quickstart: Quickstart;

beforeEach(async () => {
  quickstart = await Quickstart.start();
});
afterEach(() => quickstart.stop());

/** Requests a path unchanged, because `fetch` would normalize it. */
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

describe('the quickstart page over HTTP', () => {
  it('has a Content-Security-Policy for its own files and sockets only, without framing or HTML injection', async () => {
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

  it('may connect to the origins that the gateway allows', async () => {
    await quickstart.stop();
    const settings = { ALLOWED_ORIGINS: 'https://myapp.com,https://*.myapp.com,*' };
    quickstart = await Quickstart.start(settings);
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toContain(
      "; connect-src 'self' wss://myapp.com wss://*.myapp.com; ",
    );
  });

  it('sends security headers with every file', async () => {
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

  it('has no inline script or style', async () => {
    const { body } = await ask('/');
    expect(body.match(/<script[^>]*>[^<]|<style|\s(style|on\w+)=|https?:/g)).toBeNull();
  });

  it('loads the client as one module without imports, and nothing else of the library', async () => {
    const served = quickstart.paths.filter(path => path.startsWith('/nestjs-semantic-events/'));
    expect(served).toEqual(['/nestjs-semantic-events/client/index.js']);
    const { body } = await ask(served[0]!);
    expect(body).toContain('SemanticEventsClient');
    expect(body).not.toMatch(/^import |\brequire\(/m);
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
  ])('returns 404 for %s', async path => {
    expect((await ask(path)).status).toBe(404);
  });

  it('answers HEAD without a body, and leaves other methods to other handlers', async () => {
    expect(await ask('/', 'HEAD')).toMatchObject({ status: 200, body: '' });
    expect((await ask('/', 'POST')).status).toBe(404);
    expect((await ask('/main.js?v=1')).status).toBe(200);
    expect(await ask('/health')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  });
});
