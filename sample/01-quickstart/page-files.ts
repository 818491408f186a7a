import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
}

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', JAVASCRIPT],
  ['.svg', 'image/svg+xml'],
]);

// This path is valid from `sample/` and from `build/`.
const ROOT = new URL('../../', import.meta.url);
const PAGE = new URL('sample/01-quickstart/public/', ROOT);
const CLIENT = new URL('lib/client/index.ts', ROOT);

/** The path from which the page imports the client. */
const CLIENT_PATH = '/nestjs-semantic-events/client/index.js';

/**
 * The files of the page by path, read once at start. A request can name only these paths, so it cannot reach any other
 * file.
 */
export class PageFiles {
  private readonly files = new Map<string, PageFile>([
    [CLIENT_PATH, { type: JAVASCRIPT, body: bundleClient() }],
  ]);

  constructor() {
    for (const name of readdirSync(PAGE)) {
      const type = TYPES.get(extname(name));
      if (type) this.files.set(`/${name}`, { type, body: readFileSync(new URL(name, PAGE)) });
    }
  }

  get paths(): string[] {
    return [...this.files.keys()];
  }

  get(path: string): PageFile | undefined {
    return this.files.get(path === '/' ? '/index.html' : path);
  }
}

/** Bundles the client, as the bundler of an application does. */
function bundleClient(): Buffer {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(CLIENT)],
    bundle: true,
    format: 'esm',
    write: false,
  });
  return Buffer.concat(outputFiles.map(({ contents }) => contents));
}
