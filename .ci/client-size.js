// Prints what the client weighs in a browser, minified and gzipped, and fails where that is too much, or where it
// needs anything that is not served with it. Runs after the build, on what it has built.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const MAX_BYTES = 6_000;

const { metafile, outputFiles } = await build({
  entryPoints: ['dist/client/index.js'],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  metafile: true,
  write: false,
});
const [{ contents }] = outputFiles;
const gzipped = gzipSync(contents, { level: 9 }).length;
const strays = Object.keys(metafile.inputs).filter(path => !path.startsWith('dist/'));
console.log(`client: ${contents.length} bytes minified, ${gzipped} gzipped (at most ${MAX_BYTES})`);
if (strays.length > 0) throw new Error(`not servable as it is: ${strays.join(', ')}`);
if (gzipped > MAX_BYTES) throw new Error(`the client is larger than ${MAX_BYTES} bytes`);
