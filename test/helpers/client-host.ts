import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import ts from 'typescript';
import { ConnectionManager } from '../../lib/index.js';
import { DemoGateway } from './demo.gateway.js';
import { ScriptedMesh } from './scripted-mesh.js';
import { TestApp, type TestAppOptions, tokenFor } from './test-app.js';

const PAGE = `<!doctype html><title>client</title><script type="module" src="/test/client/page.js"></script>`;

/** Provides clients under test with tokens, servers and, if they are pages, their files. */
export class ClientHost {
  private constructor(
    private readonly server: Server,
    readonly app: TestApp,
    readonly mesh: ScriptedMesh,
  ) {}

  /** @param setup settings that differ from the default application */
  static async start(setup: Partial<TestAppOptions> = {}): Promise<ClientHost> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: {
        connection: { origins: [`http://127.0.0.1:${port}`] },
        monitoring: { log: false },
      },
      ...setup,
    });
    const host = new ClientHost(server, app, await ScriptedMesh.start());
    server.on('request', (request: IncomingMessage, response) => {
      host.answer(request).then(
        ({ type, body }) => response.setHeader('content-type', type).end(body),
        (error: unknown) => {
          response.statusCode = 404;
          response.end(String(error));
        },
      );
    });
    return host;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Returns the parts of the environment that the behaviours need. */
  get surroundings() {
    return {
      host: this.url,
      app: `ws://127.0.0.1:${this.app.port}/events`,
      mesh: this.mesh.url,
    };
  }

  async close(): Promise<void> {
    await this.mesh.close();
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage): Promise<{ type: string; body: string }> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    const [, route, name = ''] = pathname.split('/');
    const plain = (body: string) => ({ type: 'text/plain', body });
    switch (route) {
      case '':
        return { type: 'text/html', body: PAGE };
      case 'token': {
        const lifetime = name === 'brief' ? 31 : 3600;
        return plain(tokenFor(name, { exp: Math.floor(Date.now() / 1000) + lifetime }));
      }
      case 'revoke':
        this.app.nest.get(ConnectionManager).disconnectUser(name);
        return plain('');
      case 'mesh': {
        const command = this.mesh[name as 'announce'] as (...args: unknown[]) => void;
        command.apply(this.mesh, JSON.parse((await text(request)) || '[]') as unknown[]);
        return plain('');
      }
      default:
        return { type: 'text/javascript', body: built(pathname.slice(1)) };
    }
  }
}

const { config } = ts.readConfigFile('tsconfig.build.json', path => readFileSync(path, 'utf8'));
const options = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd()).options;

const modules = new Map<string, string>();

/** Compiles a source file as `npm run build` does, one module for one file, independent of dist/. */
function built(path: string): string {
  const before = modules.get(path);
  if (before !== undefined) return before;
  if (path.includes('..')) throw new Error('outside');
  const source = readFileSync(path.replace(/\.js$/, '.ts'), 'utf8');
  // `nodenext` reads package.json, which a single text does not have.
  const compilerOptions = { ...options, module: ts.ModuleKind.ESNext, removeComments: true };
  const text = ts.transpileModule(source, { compilerOptions }).outputText;
  modules.set(path, text);
  return text;
}
