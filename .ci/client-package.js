// Builds the package of the client in build/client-package: the built modules that lib/client/index.ts needs.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDER = 'build/client-package';
const ENTRY = 'client/index';
const IMPORTED = /(?:from|import|require\()\s*['"](\.[^'"]+)\.js['"]/g;

/** Returns the modules that a module needs, including those of its types. */
function closureOf(module, found = new Set()) {
  if (found.has(module)) return found;
  found.add(module);
  for (const extension of ['js', 'd.ts'])
    for (const [, specifier] of readFileSync(`dist/${module}.${extension}`, 'utf8').matchAll(
      IMPORTED,
    ))
      closureOf(join(dirname(module), specifier), found);
  return found;
}

function copy(path) {
  mkdirSync(join(FOLDER, dirname(path)), { recursive: true });
  cpSync(path, join(FOLDER, path));
}

export function buildClientPackage() {
  rmSync(FOLDER, { recursive: true, force: true });
  for (const module of closureOf(ENTRY)) {
    copy(`lib/${module}.ts`);
    for (const build of ['dist', 'dist/cjs'])
      for (const extension of ['js', 'js.map', 'd.ts', 'd.ts.map'])
        copy(`${build}/${module}.${extension}`);
  }
  copy('dist/cjs/package.json');
  copy('LICENSE');
  cpSync('client-package/README.md', join(FOLDER, 'README.md'));
  const { version, license, author, engines } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { name, ...manifest } = JSON.parse(readFileSync('client-package/package.json', 'utf8'));
  const complete = { name, version, license, author, engines, ...manifest };
  writeFileSync(join(FOLDER, 'package.json'), `${JSON.stringify(complete, null, 2)}\n`);
}
