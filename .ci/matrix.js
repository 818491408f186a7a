// Installs the packed library beside Nest 11 and Nest 12, builds an application as CommonJS and as an ES module, on
// Express and on Fastify, starts each and runs the smoke client against it. Then resolves its types in every way
// TypeScript has. Usage: node .ci/matrix.js; expects `npm run build` to have run.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = resolve(import.meta.dirname, '..');
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const NEST = ['11', '12'];
const FORMATS = { CJS: 'commonjs', ESM: 'module' };
const PLATFORMS = {
  Express: `import { ExpressAdapter } from '@nestjs/platform-express';
export const platform = () => new ExpressAdapter();`,
  Fastify: `import { FastifyAdapter } from '@nestjs/platform-fastify';
export const platform = () => new FastifyAdapter();`,
};
const START_TIMEOUT = 30_000;
/** No step may hang a build; installing on a cold cache is the longest. */
const STEP_TIMEOUT = 180_000;

const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'semantic-events-matrix-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: STEP_TIMEOUT,
    });
  } catch (error) {
    console.error(error.stdout, error.stderr);
    throw error;
  }
}

const [{ filename }] = JSON.parse(
  run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', scratch], ROOT),
);

function install(nest) {
  const directory = join(scratch, `nest-${nest}`);
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{"private":true}');
  const ofNest = [
    'common',
    'core',
    'jwt',
    'platform-express',
    'platform-fastify',
    'platform-socket.io',
    'platform-ws',
    'terminus',
    'websockets',
  ];
  const packages = [
    ...ofNest.map(name => `@nestjs/${name}@${nest}`),
    '@nestjs/throttler@6',
    'reflect-metadata',
    'rxjs',
    ...['@types/node', '@types/ws', 'ioredis', 'socket.io-client', 'ws'].map(
      name => `${name}@${devDependencies[name]}`,
    ),
    join(scratch, filename),
  ];
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], directory);
  return directory;
}

const STRICT = { strict: true, skipLibCheck: true, types: ['node'], noEmit: true };
const DECORATORS = { experimentalDecorators: true, emitDecoratorMetadata: true };

function build(directory, type, platform) {
  mkdirSync(directory);
  cpSync(join(ROOT, '.ci/matrix/app.ts'), join(directory, 'app.ts'));
  writeFileSync(join(directory, 'platform.ts'), PLATFORMS[platform]);
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ type }));
  const compilerOptions = {
    ...STRICT,
    ...DECORATORS,
    noEmit: false,
    target: 'es2022',
    module: 'nodenext',
  };
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, rootDir: '.', outDir: 'out' } }),
  );
  run(process.execPath, [TSC, '-p', '.'], directory);
  const isEsm = /^import /m.test(readFileSync(join(directory, 'out/app.js'), 'utf8'));
  if (isEsm !== (type === 'module')) throw new Error(`not built as ${type}`);
}

async function smoke(directory) {
  const server = spawn(process.execPath, ['out/app.js'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => server.kill('SIGKILL'), START_TIMEOUT);
  try {
    let port;
    for await (const line of createInterface({ input: server.stdout })) {
      port = /^listening on (\d+)/.exec(line)?.[1];
      if (port) break;
    }
    if (!port) throw new Error('the application did not start');
    run(process.execPath, [join(ROOT, '.ci/smoke.js'), `http://127.0.0.1:${port}`], ROOT);
  } finally {
    clearTimeout(timer);
    if (server.exitCode === null && server.signalCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
  }
}

/** The public types resolve, and are not `any`, from each kind of file under each kind of resolution. */
const TYPES = ['', '/health', '/redis', '/socket.io', '/testing']
  .map(
    (path, at) => `import * as entry${at} from 'nestjs-semantic-events${path}';
export const isAny${at}: 0 extends 1 & typeof entry${at} ? true : false = false;`,
  )
  .join('\n');
const RESOLUTIONS = {
  'node16 (ESM)': ['types.mts', { module: 'node16' }],
  'nodenext (ESM)': ['types.mts', { module: 'nodenext' }],
  'nodenext (CJS)': ['types.cts', { module: 'nodenext' }],
  bundler: ['types.ts', { module: 'esnext', moduleResolution: 'bundler' }],
};

function checkTypes(directory) {
  for (const [file, options] of Object.values(RESOLUTIONS)) {
    writeFileSync(join(directory, file), TYPES);
    const compilerOptions = { ...STRICT, target: 'es2022', ...options };
    writeFileSync(
      join(directory, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: [file] }),
    );
    run(process.execPath, [TSC, '-p', '.'], directory);
  }
}

/** What was really installed: a matrix of one version twice would prove nothing. */
function versionOf(directory) {
  const file = join(directory, 'node_modules/@nestjs/core/package.json');
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

const rows = [];
let failures = 0;
async function attempt(row, action) {
  const before = performance.now();
  try {
    await action();
    rows.push({
      ...row,
      result: 'ok',
      seconds: +((performance.now() - before) / 1_000).toFixed(1),
    });
  } catch (error) {
    failures++;
    console.error(row, error.message);
    rows.push({ ...row, result: 'FAILED' });
  }
}

for (const nest of NEST) {
  let directory;
  await attempt({ nest, what: 'install' }, () => {
    directory = install(nest);
    if (!versionOf(directory).startsWith(`${nest}.`)) throw new Error('another Nest was installed');
  });
  if (!directory) continue;
  for (const [format, type] of Object.entries(FORMATS))
    for (const platform of Object.keys(PLATFORMS))
      await attempt({ nest, what: `${format} × ${platform}` }, async () => {
        const app = join(directory, `${format}-${platform}`.toLowerCase());
        build(app, type, platform);
        await smoke(app);
      });
  await attempt({ nest, what: `types: ${Object.keys(RESOLUTIONS).join(', ')}` }, () =>
    checkTypes(directory),
  );
}
console.table(rows);
process.exitCode = failures === 0 ? 0 : 1;
