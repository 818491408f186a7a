// Puts the modules that tsc has written together: one file for each export of the package and some they share, half the
// size of one for each source file. Nothing is renamed; lines are filled up, but stay short enough to be pointed at. The
// client is one file that needs no other, so that it can be served as it is.
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const MODULES = 'build/js';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

const entries = Object.values(manifest.exports)
  .filter(target => typeof target === 'object')
  .map(target => target.default.replace('./dist/', ''));
const isClient = entry => entry.startsWith('client/');

rmSync('dist', { recursive: true, force: true });

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
  minifySyntax: true,
  splitting: true,
  chunkNames: 'shared/[name]-[hash]',
});
await build({
  ...common,
  entryPoints: entries.filter(isClient).map(entry => `${MODULES}/${entry}`),
  platform: 'browser',
});
