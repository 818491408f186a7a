import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { compileFunction } from 'node:vm';
import { buildSync } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { ConnectionManager, EventAuthorizer, SemanticEventsModule } from '../../lib/index.js';
import { ChatGateway } from '../../sample/01-quickstart/chat.gateway.js';
import { LastingRightsAuthorizer } from '../../sample/01-quickstart/lasting-rights.authorizer.js';
import { describeWithChromium, launchChromium } from '../helpers/chromium.js';
import { describeWith } from '../helpers/describe-with.js';
import { eventually } from '../helpers/eventually.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const SAMPLE = 'sample/04-react';
const hasReact = existsSync(`${SAMPLE}/node_modules/react`);

/** Bundles a file of the sample with the client of these sources. */
async function bundle(contents: string, platform: 'browser' | 'node'): Promise<string> {
  const { outputFiles } = buildSync({
    stdin: { contents, resolveDir: SAMPLE },
    alias: { 'nestjs-semantic-events/client': resolve('lib/client/index.ts') },
    bundle: true,
    format: platform === 'browser' ? 'esm' : 'cjs',
    platform,
    write: false,
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  return outputFiles[0]!.text;
}

const describeWithReact = describeWith('React', hasReact, `npm ci --prefix ${SAMPLE}`);

describeWithReact('React hooks', () => {
  it('render on a server without connecting', async () => {
    const code = await bundle(
      `import { renderToString } from 'react-dom/server.node';
       import { createElement } from 'react';
       import { App } from './chat.js';
       module.exports = renderToString(createElement(App));`,
      'node',
    );
    const module = { exports: '' };
    compileFunction(code, ['module', 'require'])(module, createRequire(import.meta.url));

    expect(module.exports).toContain('<output>idle</output>');
  });

  describeWithChromium('in a browser, in StrictMode', () => {
    let browser: Browser;
    let server: Server;
    let app: TestApp;
    let page: Page;
    const failures: string[] = [];

    beforeAll(async () => {
      browser = await launchChromium();
      const code = await bundle(
        `import * as page from './main.js'; Object.assign(globalThis, page);`,
        'browser',
      );
      server = createServer(({ url }, response) => {
        if (url === '/token') response.end(tokenFor('alice'));
        else if (url === '/main.js')
          response.setHeader('content-type', 'text/javascript').end(code);
        else {
          response.setHeader('content-type', 'text/html');
          // The gateway has its own port here.
          response.end(`<!doctype html><div id="app"></div><script>
            const Native = WebSocket;
            globalThis.WebSocket = class extends Native {
              constructor(url, protocol) {
                super(url.replace(location.port, '${app.port}'), protocol);
              }
            };
          </script><script type="module" src="/main.js"></script>`);
        }
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
    }, 60_000);

    beforeEach(async () => {
      const { port } = server.address() as AddressInfo;
      app = await TestApp.start({
        gateways: [ChatGateway],
        module: SemanticEventsModule.forRoot({
          signing: { keys: [RING_KEY] },
          auth: { jwt: { secret: JWT_SECRET } },
          connection: { origins: [`http://127.0.0.1:${port}`] },
          mesh: { allow: ['chat.*'] },
          providers: [{ provide: EventAuthorizer, useClass: LastingRightsAuthorizer }],
        }),
      });
      page = await browser.newPage();
      page.on('pageerror', ({ message }) => failures.push(message));
      page.on('console', message => {
        if (message.type() === 'error' && !message.text().includes('favicon'))
          failures.push(message.text());
      });
      await page.goto(`http://127.0.0.1:${port}`);
    }, 60_000);

    afterEach(async () => {
      await page.close();
      expect(failures.splice(0)).toEqual([]);
    });

    afterAll(async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    });

    const isConnected = () =>
      page.waitForFunction(`document.querySelector('output')?.textContent === 'connected'`);
    const said = () => page.locator('li').allTextContents();
    const hasSaid = (count: number) =>
      page.waitForFunction(`document.querySelectorAll('li').length === ${count}`);

    it('keep one connection, and receive every event once', async () => {
      await isConnected();
      for (let n = 1; n <= 3; n++) {
        await page.click('button');
        await hasSaid(n);
      }

      expect(await said()).toEqual(['hello 0', 'hello 1', 'hello 2']);
      expect(app.nest.get(ConnectionManager).list()).toHaveLength(1);
    });

    it('disconnect when the user leaves the page, and reconnect when the user returns', async () => {
      await isConnected();
      await page.evaluate('leave()');
      await eventually(() => app.nest.get(ConnectionManager).list().length === 0);
      await page.evaluate('comeBack()');
      await isConnected();
      await page.click('button');
      await hasSaid(1);

      expect(app.nest.get(ConnectionManager).list()).toHaveLength(1);
    });
  });
});
