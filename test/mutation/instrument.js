// Builds library and tests with all mutants, each behind a switch, as CommonJS that can be reloaded.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { transformSync } from '@swc/core';
import { OUT } from './settings.js';

const silent = {
  isDebugEnabled: () => false,
  debug() {},
  info() {},
  warn() {},
  error() {},
  trace() {},
};

/** @returns all mutants, each with its place and its replacement */
export async function instrument(mutated) {
  rmSync(OUT, { recursive: true, force: true });
  const read = name => ({
    name,
    content: readFileSync(name, 'utf8'),
    mutate: mutated.includes(name),
  });
  const sources = ['lib', 'test/helpers', 'test/contract', 'test/property', 'test/unit'].flatMap(
    typescriptOf,
  );
  const { files, mutants } = await new Instrumenter(silent).instrument(
    sources.filter(name => mutated.includes(name)).map(read),
    { plugins: null, excludedMutations: [], ignorers: [] },
  );
  const instrumented = new Map(files.map(({ name, content }) => [name, content]));
  for (const name of sources) {
    const out = join(OUT, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, compile(instrumented.get(name) ?? read(name).content, name));
  }
  writeFileSync(join(OUT, 'package.json'), '{"type":"commonjs"}');
  return mutants.map(({ id, fileName, location, mutatorName, replacement }) => ({
    id,
    file: fileName,
    location,
    mutator: mutatorName,
    replacement,
  }));
}

function typescriptOf(folder) {
  return readdirSync(folder, { recursive: true })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name));
}

function compile(source, filename) {
  return transformSync(source, {
    filename,
    swcrc: false,
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
  }).code;
}
