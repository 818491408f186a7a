// One declaration file for each export of the package instead of one for each source file: half the size, and an
// editor that goes to a definition finds what is public.
import { readFileSync } from 'node:fs';
import dts from 'rollup-plugin-dts';

const DECLARATIONS = 'build/types';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

const entries = Object.values(manifest.exports)
  .filter(target => typeof target === 'object')
  .map(({ types }) => types.replace('./dist/', '').replace('.d.ts', ''));

/** What nobody outside can use needs no explanation there. */
const PRIVATE_COMMENT = /\n\s*\/\*\*(?:(?!\*\/)[^])*\*\/(?=\n\s*private )/g;
const withoutPrivateComments = {
  name: 'without-private-comments',
  renderChunk: code => code.replace(PRIVATE_COMMENT, ''),
};

export default {
  input: Object.fromEntries(entries.map(name => [name, `${DECLARATIONS}/${name}.d.ts`])),
  output: {
    dir: 'dist',
    format: 'es',
    entryFileNames: '[name].d.ts',
    // What several exports share.
    chunkFileNames: 'shared/[name].ts',
  },
  plugins: [dts(), withoutPrivateComments],
  external: id => !/^[./]/.test(id),
};
