import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import type * as Throttler from '@nestjs/throttler';

/**
 * @nestjs/throttler is CommonJS and requires Nest, which is not. Node can do that from 20.19 on, Jest only on Node
 * 24.9: until then Jest takes this file for the package, which runs the real code with a `require` of its own.
 */
const nodeRequire = createRequire(import.meta.url);
const provided = new Map<string, unknown>([
  ['@nestjs/common', common],
  ['@nestjs/core', core],
]);
const loaded = new Map<string, { exports: unknown }>();

function load(file: string): unknown {
  const known = loaded.get(file);
  if (known) return known.exports;
  const module = { exports: {} as unknown };
  loaded.set(file, module);
  const require = (name: string) =>
    name.startsWith('.')
      ? load(nodeRequire.resolve(resolve(dirname(file), name)))
      : (provided.get(name) ?? nodeRequire(name));
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code of the installed package
  new Function('require', 'module', 'exports', readFileSync(file, 'utf8'))(
    require,
    module,
    module.exports,
  );
  return module.exports;
}

const root = resolve(import.meta.dirname, '../../node_modules/@nestjs/throttler/dist/index.js');

export const {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  SkipThrottle,
  Throttle,
  ThrottlerException,
  ThrottlerGuard,
  ThrottlerModule,
  ThrottlerStorage,
} = load(root) as typeof Throttler;
