import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

/** In bytes, minified and gzipped. */
const MAX_SIZE = 8_192;

/** The additional size of Socket.IO support, without socket.io-client. */
const MAX_SOCKET_IO_SIZE = 2_000;

const CLIENT = `export { SemanticEventsClient } from './lib/client/index.js';`;
const SOCKET_IO = `export { overSocketIo } from './lib/client/index.js';`;

/** Bundles a module as an application does. */
function bundle(contents: string) {
  const { metafile, outputFiles } = buildSync({
    stdin: { contents, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
  });
  const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
  return { size, inputs: Object.keys(metafile.inputs) };
}

describe('the client in an application bundle', () => {
  it('is small', () => {
    expect(bundle(CLIENT).size).toBeLessThanOrEqual(MAX_SIZE);
  });

  it('is little larger with Socket.IO', () => {
    const added = bundle(CLIENT + SOCKET_IO).size - bundle(CLIENT).size;
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThanOrEqual(MAX_SOCKET_IO_SIZE);
  });

  it('needs only its own files', () => {
    const strays = bundle(CLIENT + SOCKET_IO).inputs.filter(
      path => !/^(<stdin>|lib\/(client|event|protocol)\/)/.test(path),
    );

    expect(strays).toEqual([]);
  });
});
