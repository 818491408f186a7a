// Puts the modules that tsc has written together: one file for each export of the package and some they share, half the
// size of one for each source file. Nothing is renamed; lines are filled up, but stay short enough to be pointed at. The
// client is one file that needs no other, so that it can be served as it is.
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const MODULES = 'build/js';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

const entries = Object.values(manifest.exports)
  .filter(target => typeof target === 'object')
  .map(target => target.default.replace('./dist/', ''));
const isClient = entry => entry.startsWith('client/');

rmSync('dist', { recursive: true, force: true });

/** What TypeScript makes of decorators once for all, and not once in each module. */
const helpers = {
  name: 'helpers',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^tslib$/ }, () => ({
      path: fileURLToPath(import.meta.resolve('tslib/tslib.es6.mjs')),
    }));
  },
};

const common = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  outdir: 'dist',
  outbase: MODULES,
  minifyWhitespace: true,
  lineLimit: 160,
};

await build({
  ...common,
  entryPoints: entries.filter(entry => !isClient(entry)).map(entry => `${MODULES}/${entry}`),
  platform: 'node',
  packages: 'external',
  plugins: [helpers],
  minifySyntax: true,
  splitting: true,
  chunkNames: 'shared/[name]-[hash]',
});
await build({
  ...common,
  entryPoints: entries.filter(isClient).map(entry => `${MODULES}/${entry}`),
  platform: 'browser',
});
