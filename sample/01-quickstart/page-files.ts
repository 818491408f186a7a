import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { Logger } from '@nestjs/common';

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

// The same from `sample/`, where tests run it, and from `build/`, where `npm start` does.
const ROOT = new URL('../../', import.meta.url);
const PAGE = new URL('sample/01-quickstart/public/', ROOT);
const DIST = new URL('dist/', ROOT);

/** The client library, within the folder the library is built to, and under which path it is served. */
const CLIENT = 'client/index.js';
const CLIENT_PATH = '/nestjs-semantic-events/';

const IMPORTED = /\b(?:from|import)\s*['"](\.[^'"]+)['"]/g;

/**
 * What the page is made of, by path, read once at start: what is not among it cannot be asked for, whatever a path
 * looks like.
 */
export class PageFiles {
  private readonly files = new Map<string, PageFile>();

  /** @param dist where the library is built; without the client there is no page */
  constructor(dist: URL = DIST) {
    if (existsSync(new URL(CLIENT, dist))) {
      this.readPage();
      this.readModule(new URL(CLIENT, dist), dist);
    } else {
      new Logger('Quickstart').warn('There is no page: the client is not built (npm run build)');
    }
  }

  get paths(): string[] {
    return [...this.files.keys()];
  }

  get(path: string): PageFile | undefined {
    return this.files.get(path === '/' ? '/index.html' : path);
  }

  private readPage(): void {
    for (const name of readdirSync(PAGE)) {
      const type = TYPES.get(extname(name));
      if (type) this.files.set(`/${name}`, { type, body: readFileSync(new URL(name, PAGE)) });
    }
  }

  /** Reads a module and those it imports: the rest of the library is for servers. */
  private readModule(url: URL, dist: URL): void {
    const path = CLIENT_PATH + url.href.slice(dist.href.length);
    if (this.files.has(path)) return;
    const body = readFileSync(url);
    this.files.set(path, { type: JAVASCRIPT, body });
    for (const [, specifier = ''] of body.toString().matchAll(IMPORTED))
      this.readModule(new URL(specifier, url), dist);
  }
}
