import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { build } from '../helpers/build.js';

const BUILD_TIMEOUT = 240_000;
const NAME = 'nestjs-semantic-events';
const CLIENT = 'nestjs-semantic-events-client';
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, unknown>;
};
const ENTRIES = Object.keys(manifest.exports)
  .filter(path => path !== './package.json')
  .map(path => path.replace('.', NAME));

// Inside the repository, so that the project resolves the development packages.
mkdirSync('build', { recursive: true });
const folder = resolve(mkdtempSync('build/packed-'));
const project = join(folder, 'project');
const installed = (name: string, path = '') => join(project, 'node_modules', name, path);

const run = async (command: string, args: string[], cwd = project) =>
  promisify(execFile)(command, args, { cwd, maxBuffer: 1e8 });

/** Runs a module of the project, and returns what it prints as JSON. */
async function output(code: string, file = 'main.mjs', flags: string[] = []): Promise<unknown> {
  writeFileSync(join(project, file), code);
  return JSON.parse((await run(process.execPath, [...flags, file])).stdout);
}

async function pack(directory: string, name: string): Promise<void> {
  const { stdout } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    directory,
  );
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  mkdirSync(installed(name), { recursive: true });
  await run('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', installed(name)]);
}

/** Returns a minified bundle without the packages that an application has. */
async function bundle(code: string): Promise<Uint8Array> {
  const { outputFiles } = buildSync({
    stdin: { contents: code, resolveDir: project },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    external: [
      '@nestjs/*',
      'rxjs',
      'ws',
      'reflect-metadata',
      'class-validator',
      'class-transformer',
      'proxy-addr',
      'ipaddr.js',
    ],
    tsconfigRaw: {},
    write: false,
  });
  return outputFiles[0]!.contents;
}

beforeAll(async () => {
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{"private":true,"type":"module"}');
  await build();
  await pack('.', NAME);
  await pack('build/client-package', CLIENT);
}, BUILD_TIMEOUT);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('packed library', () => {
  it.each(['import', 'require'])('exports each class under its own name with %s', async way => {
    const load = way === 'import' ? `await import(name)` : `require(name)`;
    const wrong = await output(
      `
      import { createRequire } from 'node:module';
      import 'reflect-metadata';
      const require = createRequire(import.meta.url);
      const wrong = [];
      for (const name of ${JSON.stringify(ENTRIES)})
        for (const [key, value] of Object.entries(${load}))
          if (typeof value === 'function' && /^class /.test(String(value)) && value.name !== key) wrong.push([key, value.name]);
      console.log(JSON.stringify(wrong));`,
    );
    expect(wrong).toEqual([]);
  });

  it('is loaded once for import and require in one process', async () => {
    expect(
      await output(`
        import 'reflect-metadata';
        import { createRequire } from 'node:module';
        import { SemanticEventsModule } from '${NAME}';
        const required = createRequire(import.meta.url)('${NAME}');
        console.log(JSON.stringify(required.SemanticEventsModule === SemanticEventsModule));`),
    ).toBe(true);
  });

  it('rejects the start of a process with two copies, and names both paths', async () => {
    const problems = await output(`
      import 'reflect-metadata';
      import { createRequire } from 'node:module';
      import { Module } from '@nestjs/common';
      import { NestFactory } from '@nestjs/core';
      import { EventSigner, SemanticEventsModule } from '${NAME}';
      createRequire(import.meta.url)('./node_modules/${NAME}/dist/cjs/redis/index.js');
      const signing = { keys: [{ id: 'main', secret: EventSigner.generateKey() }] };
      class AppModule {}
      Module({ imports: [SemanticEventsModule.forRoot({ signing, auth: { validateToken: () => null } })] })(AppModule);
      const starting = NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
      console.log(JSON.stringify(await starting.then(() => [], error => error.problems)));`);
    const [dist, cjs] = [installed(NAME, 'dist'), installed(NAME, 'dist/cjs')];
    expect(problems).toEqual([expect.stringContaining(`${dist} and ${cjs}`)]);
  });

  it('reads the versions of the NestJS packages installed next to it', async () => {
    const { version } = JSON.parse(
      readFileSync('node_modules/@nestjs/websockets/package.json', 'utf8'),
    ) as { version: string };
    const found = await output(`
      import { foundVersions } from './node_modules/${NAME}/dist/start-up/versions.js';
      console.log(JSON.stringify(foundVersions().nest));`);
    expect(found).toMatchObject({ '@nestjs/websockets': version });
    expect(Object.keys(found as object)).toHaveLength(3);
  });

  it('is tree-shaken to the one function that a bundle uses', async () => {
    const contents = await bundle(`export { matchesPattern } from '${NAME}';`);
    expect(contents.length).toBeLessThanOrEqual(5_000);
  });

  it('has source lines in stack traces', async () => {
    const code = `
      import 'reflect-metadata';
      import { SemanticEventsModule } from '${NAME}';
      import { redisStores } from '${NAME}/redis';
      let stack;
      try { redisStores({}); } catch (error) { stack = error.stack; }
      console.log(JSON.stringify(stack.split('\\n')));`;
    const stack = (await output(code, 'stack.mjs', ['--enable-source-maps'])) as string[];
    const sources = stack.filter(line => line.includes(`${NAME}/lib/`));
    expect(sources[0]).toMatch(/\/lib\/[\w/.-]+\.ts:\d+:\d+/);
    // The source path in the trace is a file of the package.
    const [, path = ''] = /\((?:file:\/\/)?(.+\.ts):\d+:\d+\)/.exec(sources[0]!) ?? [];
    expect(existsSync(path)).toBe(true);
  });

  it('contains the target of every relative link in its pages', () => {
    const dead: string[] = [];
    for (const page of ['README.md', 'SECURITY.md', 'CHANGELOG.md', 'PROTOCOL.md']) {
      const text = readFileSync(installed(NAME, page), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
        if (!existsSync(join(dirname(installed(NAME, page)), link))) dead.push(`${page}: ${link}`);
    }
    expect(dead).toEqual([]);
  });

  it('contains its license', () => {
    expect(readFileSync(installed(NAME, 'LICENSE'), 'utf8')).toContain('MIT License');
  });
});

it.each([NAME, CLIENT])(
  '%s has types for TypeScript before 5.7, where Uint8Array has no type parameter',
  name => {
    const types = readdirSync(installed(name, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.d.ts'))
      .filter(file =>
        readFileSync(installed(name, join('dist', file)), 'utf8').includes('Array<ArrayBuffer'),
      );
    expect(types).toEqual([]);
  },
);

describe('packed client', () => {
  it('needs no other package', () => {
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(installed(CLIENT, 'package.json'), 'utf8'),
    ) as Record<string, unknown>;
    expect([dependencies, peerDependencies]).toEqual([undefined, undefined]);
  });

  it.each(['import', 'require'])('runs with %s', async way => {
    const load =
      way === 'import'
        ? `await import('${CLIENT}')`
        : `createRequire(import.meta.url)('${CLIENT}')`;
    const type = await output(`
      import { createRequire } from 'node:module';
      const { SemanticEventsClient } = ${load};
      console.log(JSON.stringify([createRequire.name, SemanticEventsClient.name]));`);
    expect(type).toEqual(['createRequire', 'SemanticEventsClient']);
  });

  it('adds at most 8 KiB to a bundle, minified and gzipped', async () => {
    const contents = await bundle(`export { SemanticEventsClient } from '${CLIENT}';`);
    expect(gzipSync(contents, { level: 9 }).length).toBeLessThanOrEqual(8_192);
  });

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])(
    'has self-contained types: module %s, moduleResolution %s',
    async (module, moduleResolution) => {
      writeFileSync(
        join(project, 'types.ts'),
        `import { SemanticEventsClient } from '${CLIENT}';
export const client: SemanticEventsClient = new SemanticEventsClient({ url: '/events', getToken: () => 'token' });`,
      );
      const compilerOptions = {
        module,
        moduleResolution,
        target: 'es2022',
        lib: ['es2022', 'dom'],
        strict: true,
        skipLibCheck: false,
        types: [],
        typeRoots: [],
        noEmit: true,
      };
      writeFileSync(
        join(project, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['types.ts'] }),
      );
      await run(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', '.']);
    },
  );
});
