import { jest } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import ts from 'typescript';
import { RawPeer } from '../helpers/raw-peer.js';
import { TestClient } from '../helpers/test-client.js';
import { blocksOf, fileOf } from '../helpers/code-blocks.js';

const ROOT = process.cwd();
/** The files that both pages show, by their path in the project. */
const files = new Map(
  ['README.md', 'docs/getting-started.md'].flatMap(blocksOf).flatMap(block => {
    const path = fileOf(block);
    if (path === undefined) return [];
    return [[path, block.code] as const];
  }),
);

let project: string;
let app: INestApplication | undefined;

beforeAll(() => {
  mkdirSync('build', { recursive: true });
  project = mkdtempSync(join(ROOT, 'build', 'getting-started-'));
  for (const [path, code] of files) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), code);
  }
  Logger.overrideLogger(false);
  process.env.SIGNING_KEY = '5'.repeat(64);
  process.env.JWT_SECRET = '6'.repeat(64);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await app?.close();
  app = undefined;
});

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

it('shows a gateway, a module, a start, a client and a test, each with its file name', () => {
  expect([...files.keys()]).toEqual([
    'src/order.gateway.ts',
    'src/app.module.ts',
    'src/main.ts',
    'client.mjs',
    'src/order.gateway.spec.ts',
  ]);
});

it('compiles with complete imports', () => {
  const { config } = ts.readConfigFile('tsconfig.json', path => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const sources = [...files.keys()].filter(path => path.endsWith('.ts'));
  const program = ts.createProgram(
    sources.map(path => join(project, path)),
    { ...options, noEmit: true },
  );
  const problems = ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file?.fileName.startsWith(project))
    .map(({ file, messageText }) => {
      return `${String(file?.fileName)} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  expect(problems).toEqual([]);
}, 180_000);

it('prints what its comments say: a signed reply and the first rejection', async () => {
  // The reader's server listens on port 3000; the test uses a free port.
  const started = new Promise<INestApplication>(resolve => {
    Object.assign(globalThis, { __started: resolve });
  });
  const main = files.get('src/main.ts')!;
  expect(main).toContain('app.listen(3000);');
  writeFileSync(
    join(project, 'src/main.ts'),
    main.replace('app.listen(3000);', "app.listen(0, '127.0.0.1');\nglobalThis.__started(app);"),
  );
  await import(join(project, 'src/main.ts'));
  app = await started;
  const { port } = app.getHttpServer().address() as AddressInfo;
  const client = files.get('client.mjs')!;
  const expected = [...client.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(expected).toHaveLength(2);
  const here = client.replaceAll('localhost:3000', `127.0.0.1:${port}`);
  writeFileSync(join(project, 'client.mjs'), here);
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  await import(join(project, 'client.mjs'));
  expect(
    log.mock.calls.map(([value]) => inspect(value).replaceAll("'INVALID_EVENT'", 'INVALID_EVENT')),
  ).toEqual(expected);

  // The pages also promise that other origins, unauthenticated clients and unsigned events are
  // rejected.
  const origin = { Origin: 'https://evil.test' };
  expect((await (await RawPeer.connect(port)).handshake('/events', origin)).status).toBe(403);
  const stranger = await TestClient.connect(`ws://127.0.0.1:${port}/events`);
  stranger.emitUnsigned('order.place', { data: { item: 'book', amount: 1 } });
  expect((await stranger.next()).code).toBe('UNAUTHENTICATED');
  expect((await stranger.closed).code).toBe(4401);
  stranger.socket.terminate();
});

it("has a test that passes in the reader's project", async () => {
  const spec = files.get('src/order.gateway.spec.ts')!;
  const bodies: (() => unknown)[] = [];
  Object.assign(globalThis, {
    __blockTest: (_title: string, body: () => unknown) => bodies.push(body),
  });
  writeFileSync(
    join(project, 'src/order.gateway.spec.ts'),
    spec
      .replace('  beforeAll(', '  __blockTest("set-up", ')
      .replaceAll(/^describe\(/gm, '((_title: string, body: () => void) => body())(')
      .replaceAll(/^ {2}it\(/gm, '  __blockTest('),
  );
  await import(join(project, 'src/order.gateway.spec.ts'));
  expect(bodies).toHaveLength(2);
  const environment = { ...process.env };
  try {
    for (const body of bodies) await body();
  } finally {
    process.env = environment;
  }
});
