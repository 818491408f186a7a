import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import type * as Throttler from '@nestjs/throttler';

/**
 * Loads @nestjs/throttler, which is CommonJS and requires Nest, an ES module. Node supports that from 20.19, Jest only on
 * Node 24.9. Until then Jest uses this file in place of the package. It runs the real code with its own `require`.
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
