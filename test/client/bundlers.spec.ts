import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { blocksOf } from '../helpers/code-blocks.js';

const run = promisify(execFile);
const VITE = 'node_modules/vite/bin/vite.js';
const GUIDE = 'docs/guides/client.md';
/** What a page has, and a server that renders it may lack. */
const OF_PAGES = [
  ...['window', 'document', 'navigator', 'location', 'localStorage', 'addEventListener'],
  ...['WebSocket', 'fetch', 'crypto'],
];

/** The example of the guide, up to where it connects: what an application has at module level. */
function exampleAtModuleLevel(): string {
  const example = blocksOf(GUIDE).find(({ code }) => code.includes('new SemanticEventsClient'))!;
  const [before = ''] = example.code.split('await client.connect();');
  return `${before}\nexport { client };\n`;
}

describe("the guide's example at module level", () => {
  let folder: string;

  beforeAll(async () => {
    await mkdir('build', { recursive: true });
    folder = await mkdtemp(resolve('build/bundlers-'));
    const alias = { 'nestjs-semantic-events/client': resolve('lib/client/index.ts') };
    await Promise.all([
      writeFile(join(folder, 'client.ts'), exampleAtModuleLevel()),
      writeFile(join(folder, 'main.ts'), `import { client } from './client.js'; client.connect();`),
      writeFile(
        join(folder, 'index.html'),
        '<!doctype html><script type="module" src="/main.ts"></script>',
      ),
      writeFile(
        join(folder, 'vite.config.mjs'),
        `export default ${JSON.stringify({ resolve: { alias }, build: { target: 'es2022' } })};`,
      ),
    ]);
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('is built by Vite for browsers, into one file that imports nothing', async () => {
    const { stderr } = await run(process.execPath, [VITE, 'build', folder, '--outDir', 'page']);
    expect(stderr).toBe('');
    const files = await readdir(join(folder, 'page/assets'));
    expect(files).toEqual([expect.stringMatching(/\.js$/)]);
    const code = await readFile(join(folder, 'page/assets', files[0]!), 'utf8');
    expect(code).not.toMatch(/\bimport\b|\brequire\(/);
  });

  it('is built by Vite for servers, and touches nothing of a page when Node imports it', async () => {
    const ssr = ['--ssr', 'client.ts', '--outDir', 'server'];
    await run(process.execPath, [VITE, 'build', folder, ...ssr]);
    const program = `
      const touched = [];
      for (const name of ${JSON.stringify(OF_PAGES)})
        Object.defineProperty(globalThis, name, { get: () => { touched.push(name); } });
      const { client } = await import('./server/client.js');
      console.log(JSON.stringify({ state: client.state, touched }));
    `;
    await writeFile(join(folder, 'import.mjs'), program);
    const { stdout } = await run(process.execPath, [join(folder, 'import.mjs')]);
    expect(JSON.parse(stdout)).toEqual({ state: 'idle', touched: [] });
  });
});
