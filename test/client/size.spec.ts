import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

/** In bytes, minified and gzipped. */
const MAX_SIZE = 8_192;

/** The additional size of Socket.IO support, without socket.io-client. */
const MAX_SOCKET_IO_SIZE = 2_000;

const CLIENT = `export { SemanticEventsClient } from './lib/client/index.js';`;
const SOCKET_IO = `export { overSocketIo } from './lib/client/index.js';`;

describe('the client in an application bundle', () => {
  it.each([
    ['over WebSockets', CLIENT, MAX_SIZE],
    ['over Socket.IO', CLIENT + SOCKET_IO, MAX_SIZE + MAX_SOCKET_IO_SIZE],
  ])('%s is small, and needs only its own files', async (_, contents, max) => {
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
    const strays = Object.keys(metafile.inputs).filter(
      path => !/^(<stdin>|lib\/(client|event|protocol)\/)/.test(path),
    );

    expect(strays).toEqual([]);
    expect(size).toBeLessThanOrEqual(max);
  });
});
