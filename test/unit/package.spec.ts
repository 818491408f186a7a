import { readFileSync } from 'node:fs';

interface Entry {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  dev?: boolean;
  peer?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
}

interface Manifest {
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  scripts: Record<string, string>;
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')) as unknown;
const manifest = read('package.json') as Manifest;
const { packages } = read('package-lock.json') as { packages: Record<string, Entry> };
const installed = Object.entries(packages).filter(([path]) => path !== '');
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13);

/** Returns where a package name resolves to: the nearest one up the folders, as in Node. */
function resolve(name: string, from: string): string | undefined {
  const nested = from === '' ? '' : `${from}/`;
  const path = `${nested}node_modules/${name}`;
  if (packages[path]) return path;
  return from === ''
    ? undefined
    : resolve(name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))));
}

/** Returns all transitive dependencies of some packages. */
function closureOf(names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string, from: string) => {
    const path = resolve(name, from);
    if (path === undefined || found.has(path)) return;
    found.add(path);
    for (const next of Object.keys(packages[path]?.dependencies ?? {})) visit(next, path);
  };
  for (const name of names) visit(name, '');
  return found;
}

describe('runtime dependencies', () => {
  it('are exactly those that CONTRIBUTING.md justifies', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['ipaddr.js', 'proxy-addr']);
  });

  it('have one transitive dependency', () => {
    const all = [...closureOf(Object.keys(manifest.dependencies))].map(nameOf);
    expect(new Set(all)).toEqual(new Set(['ipaddr.js', 'proxy-addr', 'forwarded']));
  });

  it('run no install scripts, nor do the peer dependencies', () => {
    const names = [
      ...Object.keys(manifest.dependencies),
      ...Object.keys(manifest.peerDependencies),
    ];
    const all = [...closureOf(names)];
    expect(all.length).toBeGreaterThan(names.length);
    expect(all.filter(path => packages[path]?.hasInstallScript)).toEqual([]);
  });

  it('are installed without running a script of this package', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare'];
    expect(hooks.filter(hook => hook in manifest.scripts)).toEqual([]);
  });
});

describe('lock file', () => {
  it('has a digest for every package', () => {
    const open = installed.filter(([, { link, integrity }]) => !link && !integrity);
    expect(open.map(([path]) => path)).toEqual([]);
    expect(installed.filter(([, { integrity = '' }]) => !integrity.startsWith('sha512-'))).toEqual(
      [],
    );
  });

  it('contains no registry addresses', () => {
    expect(installed.filter(([, { resolved, link }]) => resolved !== undefined || link)).toEqual(
      [],
    );
  });

  it('allows install scripts of named build tools only', () => {
    const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(scripted.every(([, { dev }]) => dev)).toBe(true);
    expect(new Set(scripted.map(([path]) => nameOf(path)))).toEqual(
      new Set(['@parcel/watcher', '@swc/core', 'esbuild', 'unrs-resolver']),
    );
  });
});
