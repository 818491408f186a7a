// Installs the packed library in projects as `nest new` generates them, builds and starts each, tries it with the smoke
// client, and runs a gateway test in the project's own runner. The install commands come from the README. The row `next` builds
// an application of Next with the packed client instead.
// Usage: node .ci/matrix.js [ci | name of a row …]; expects `npm run build` to have run.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * The rows. nest: the major version · project: the generated project (ESM with Vitest, CommonJS with Jest, or CommonJS as
 * before 2025 with `module: commonjs`; next: no project of Nest) · builder: of nest-cli.json · ci: whether .ci/run includes it.
 */
const ROWS = [
  { name: 'nest-11', nest: 11, project: 'cjs', node: '20.19', ci: true },
  { name: 'nest-12-esm', nest: 12, project: 'esm', node: '24', ci: true },
  { name: 'nest-12-cjs', nest: 12, project: 'cjs', node: '24' },
  { name: 'classic-ts-5.7', nest: 11, project: 'classic', typescript: '5.7', node: '22' },
  { name: 'classic-ts-5.8', nest: 11, project: 'classic', typescript: '5.8', node: '20.19' },
  { name: 'classic-ts-5.9', nest: 11, project: 'classic', typescript: '5.9', node: '24' },
  { name: 'fastify-11', nest: 11, project: 'cjs', http: 'fastify', node: '22' },
  { name: 'fastify-12', nest: 12, project: 'esm', http: 'fastify', node: '26' },
  { name: 'swc', nest: 11, project: 'cjs', builder: 'swc', node: '22' },
  { name: 'webpack', nest: 11, project: 'cjs', builder: 'webpack', node: '22' },
  { name: 'rspack', nest: 12, project: 'esm', builder: 'rspack', node: '24' },
  { name: 'monorepo', nest: 11, project: 'cjs', monorepo: true, node: '22' },
  { name: 'pnpm', nest: 12, project: 'esm', manager: 'pnpm', node: '24' },
  { name: 'yarn', nest: 11, project: 'cjs', manager: 'yarn', node: '22' },
  { name: 'yarn-pnp', nest: 11, project: 'cjs', manager: 'yarn-pnp', node: '22' },
  { name: 'ts-7', nest: 12, project: 'esm', typescript: '7', node: '26' },
  { name: 'next', project: 'next', builder: 'next', node: '24' },
];
/** Packages that a builder of nest-cli.json needs in addition to the generated ones. */
const BUILDERS = {
  swc: ['@swc/cli', '@swc/core'],
  webpack: ['webpack', 'ts-loader', 'webpack-node-externals'],
  rspack: ['@rspack/core', 'webpack-node-externals', 'tsconfig-paths-webpack-plugin'],
};
const TOOLS = { pnpm: 'pnpm@10', yarn: '@yarnpkg/cli-dist@4', 'yarn-pnp': '@yarnpkg/cli-dist@4' };
/** Generated development packages that are needed neither to build nor to test. */
const UNUSED =
  /eslint|oxlint|prettier|^globals$|supertest|coverage|mau|source-map-support|ts-node|^tsconfig-paths$/;
const HTTP = {
  express: `import { ExpressAdapter } from '@nestjs/platform-express';
export const httpAdapter = () => new ExpressAdapter();`,
  fastify: `import { FastifyAdapter } from '@nestjs/platform-fastify';
export const httpAdapter = () => new FastifyAdapter();`,
};
const START_TIMEOUT = 30_000;
/** The time limit of a step, in milliseconds. An install with a cold cache takes longest. */
const STEP_TIMEOUT = 180_000;

const ROOT = resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'semantic-events-matrix-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

function run([command, ...args], cwd, env = process.env, attempts = 2) {
  try {
    const options = { cwd, env, encoding: 'utf8', stdio: 'pipe', timeout: STEP_TIMEOUT };
    return execFileSync(command, args, options);
  } catch (error) {
    // A request to the registry may hang for as long as npm waits.
    if (error.code === 'ETIMEDOUT' && attempts > 1)
      return run([command, ...args], cwd, env, attempts - 1);
    const output = `${error.stdout ?? ''}${error.stderr ?? ''}`;
    throw new Error(`${command} ${args.join(' ')}\n${output}`, { cause: error });
  }
}

const json = (file, change) => {
  const value = change(JSON.parse(readFileSync(file, 'utf8').replace(/^\s*\/\/.*$/gm, '')));
  writeFileSync(file, JSON.stringify(value, null, 2));
};

const folders = new Map();
/** Returns a folder with packages that this script needs, such as a Node or a generator. */
function tool(...packages) {
  const key = packages.join(' ');
  if (!folders.has(key)) {
    const folder = join(scratch, `tool-${folders.size}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    run(
      [
        'npm',
        'install',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
        '--ignore-scripts',
        ...packages,
      ],
      folder,
    );
    folders.set(key, join(folder, 'node_modules'));
  }
  return folders.get(key);
}

/** Returns the environment with the Node of a row first in the path. */
function environmentOf({ node, manager }) {
  const binary = `node-linux-${process.arch}`;
  const path = [join(tool(`${binary}@${node}`), binary, 'bin'), process.env.PATH];
  if (manager) path.unshift(join(tool(TOOLS[manager]), '.bin'));
  return {
    ...process.env,
    PATH: path.join(delimiter),
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    YARN_NODE_LINKER: manager === 'yarn-pnp' ? 'pnp' : 'node-modules',
  };
}

/** Packs the package of a folder. Returns the path of the archive. */
function pack(folder) {
  const [{ filename }] = JSON.parse(
    run(['npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', scratch], folder),
  );
  return join(scratch, filename);
}

const tarball = pack(ROOT);

/**
 * Returns the packages of the README's install line for a version of Nest, with the packed library instead of the published
 * one.
 */
function installLine(nest) {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const line = new RegExp(`^ +npm install (nestjs-semantic-events .+?) +# Nest ${nest}$`, 'm').exec(
    readme,
  );
  if (!line) throw new Error(`the README has no install line for Nest ${nest}`);
  return line[1]
    .split(' ')
    .map(name => (name === 'nestjs-semantic-events' ? `${name}@file:${tarball}` : name));
}

function generate({ name, nest, project, monorepo }) {
  const bin = join(tool(`@nestjs/cli@${nest}`), '.bin');
  const type = project === 'esm' ? 'esm' : 'cjs';
  // Nest generates into node_modules of its tools, where a package may have the name of the row.
  const application = ['schematics', '@nestjs/schematics:application', `--name=app-${name}`];
  run(
    [join(bin, application[0]), ...application.slice(1), ...(nest > 11 ? [`--type=${type}`] : [])],
    dirname(bin),
  );
  const folder = join(scratch, name);
  cpSync(join(dirname(bin), `app-${name}`), folder, { recursive: true });
  if (monorepo) run([join(bin, 'nest'), 'generate', 'app', 'gateway'], folder);
  return folder;
}

function configure(folder, { nest, project, http = 'express', builder, typescript, manager }) {
  json(join(folder, 'package.json'), manifest => {
    const kept = Object.entries(manifest.devDependencies).filter(([name]) => !UNUSED.test(name));
    const added = (BUILDERS[builder] ?? []).map(name => [name, '*']);
    if (typescript)
      added.push([
        'typescript',
        `~${typescript}${typescript.includes('.') ? '.0' : ''}`.replace('~7', '^7'),
      ]);
    // A peer of ts-jest that generated projects do not name.
    if (manager === 'yarn-pnp') added.push(['jest-util', '*']);
    if (http === 'fastify') added.push(['@nestjs/platform-fastify', `^${nest}.0.0`]);
    return {
      ...manifest,
      devDependencies: { ...Object.fromEntries(kept), ...Object.fromEntries(added) },
    };
  });
  if (project === 'classic')
    json(join(folder, 'tsconfig.json'), config => {
      const { resolvePackageJsonExports: _, ...options } = config.compilerOptions;
      return {
        ...config,
        compilerOptions: {
          ...options,
          module: 'commonjs',
          moduleResolution: 'node',
          isolatedModules: false,
        },
      };
    });
  if (builder)
    json(join(folder, 'nest-cli.json'), config => ({
      ...config,
      compilerOptions: { ...config.compilerOptions, builder },
    }));
}

/** Writes the application. CommonJS projects import without file extensions. */
function writeSources(folder, { project, http = 'express' }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const write = (name, text) =>
    writeFileSync(
      join(folder, name),
      project === 'esm' ? text : text.replace(/(from '\.\/.+)\.js'/g, "$1'"),
    );
  const templates = join(ROOT, '.ci/matrix');
  for (const name of readdirSync(templates).filter(name => name.endsWith('.ts')))
    write(name, readFileSync(join(templates, name), 'utf8'));
  write('http-adapter.ts', HTTP[http]);
}

async function smoke(command, cwd, env) {
  const server = spawn(command[0], command.slice(1), {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const stop = () => process.kill(-server.pid, 'SIGKILL');
  const timer = setTimeout(stop, START_TIMEOUT);
  try {
    let port;
    for await (const line of createInterface({ input: server.stdout })) {
      port = /^listening on (\d+)/.exec(line)?.[1];
      if (port) break;
    }
    if (!port) throw new Error('the application did not start');
    run([process.execPath, join(ROOT, '.ci/smoke.js'), `http://127.0.0.1:${port}`], ROOT);
  } finally {
    clearTimeout(timer);
    if (server.exitCode === null && server.signalCode === null) {
      stop();
      await once(server, 'exit');
    }
  }
}

/** Builds a page that makes the client at module level. The build renders it in Node. */
function buildNext(row) {
  const env = { ...environmentOf(row), NEXT_TELEMETRY_DISABLED: '1' };
  const folder = join(scratch, row.name);
  cpSync(join(ROOT, '.ci/matrix/next'), folder, { recursive: true });
  const client = pack(join(ROOT, 'build/client-package'));
  run(['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', client], folder, env);
  run(['npm', 'run', 'build'], folder, env);
  const page = readFileSync(join(folder, '.next/server/app/index.html'), 'utf8');
  if (!page.includes('<output>idle</output>')) throw new Error('the page was not rendered');
}

async function attempt(row) {
  if (row.project === 'next') return buildNext(row);
  const { nest, manager = 'npm', typescript, monorepo } = row;
  const env = environmentOf(row);
  const folder = generate(row);
  configure(folder, row);
  writeSources(join(folder, monorepo ? 'apps/gateway/src' : 'src'), row);
  const isYarn = manager.startsWith('yarn');
  if (isYarn) writeFileSync(join(folder, 'yarn.lock'), '');
  const add =
    manager === 'npm'
      ? ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline']
      : [isYarn ? 'yarn' : manager, 'add'];
  run([...add, ...installLine(nest)], folder, env);
  const exec = { npm: ['npx', '--no-install'], pnpm: ['pnpm', 'exec'] }[manager] ?? [
    'yarn',
    'exec',
  ];
  // The compiler is a binary that `nest build` cannot call.
  const build =
    typescript === '7'
      ? ['tsc', '-p', 'tsconfig.build.json']
      : ['nest', 'build', ...(monorepo ? ['gateway'] : [])];
  run([...exec, ...build], folder, env);
  const main = ['dist/main.js', 'dist/src/main.js', 'dist/apps/gateway/main.js'].find(path =>
    existsSync(join(folder, path)),
  );
  if (!main) throw new Error('nothing was built');
  await smoke(manager === 'yarn-pnp' ? ['yarn', 'node', main] : ['node', main], folder, env);
  run([isYarn ? 'yarn' : manager, 'test'], folder, env);
}

const wanted = process.argv.slice(2);
const rows = ROWS.filter(
  ({ name, ci }) => wanted.length === 0 || wanted.includes(name) || (ci && wanted.includes('ci')),
);
const table = [];
for (const row of rows) {
  const {
    name,
    nest,
    project,
    node,
    http = 'express',
    manager = 'npm',
    builder = 'tsc',
    typescript = 'default',
  } = row;
  const before = performance.now();
  let result = 'ok';
  try {
    await attempt(row);
  } catch (error) {
    result = 'FAILED';
    console.error(`${name}: ${error.message}`);
  }
  const seconds = Math.round((performance.now() - before) / 1_000);
  console.log(`${name}: ${result} after ${seconds} s`);
  table.push({ name, nest, project, http, builder, typescript, node, manager, result, seconds });
  rmSync(join(scratch, name), { recursive: true, force: true });
}
console.table(table);
if (rows.length === 0) throw new Error(`no such row: ${wanted.join(', ')}`);
process.exitCode = table.every(({ result }) => result === 'ok') ? 0 : 1;
