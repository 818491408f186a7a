import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OWN_PATH } from './loaded-copies.js';

/** The oldest supported version of Node. */
const MIN_NODE = [20, 19] as const;
/** The supported major versions of NestJS. */
const NEST_MAJORS = [11, 12] as const;
/** The NestJS packages that this package always uses. They must have the same major version. */
const NEST_PACKAGES = ['@nestjs/core', '@nestjs/common', '@nestjs/websockets'] as const;

export interface FoundVersions {
  readonly node: string;
  /** Versions by package. A package is missing if its version cannot be read. */
  readonly nest: Readonly<Partial<Record<(typeof NEST_PACKAGES)[number], string>>>;
}

/** Returns one problem for each unsupported version. */
export function versionProblems({ node, nest }: FoundVersions): string[] {
  const problems: string[] = [];
  if (!isSupportedNode(node))
    problems.push(`Node ${node} is too old: install Node ${MIN_NODE.join('.')} or later`);
  const core = nest['@nestjs/core'];
  for (const [name, version] of Object.entries(nest)) {
    const major = majorOf(version);
    if (!NEST_MAJORS.some(supported => supported === major))
      problems.push(
        `${name} ${version} is not supported: install version ${NEST_MAJORS.join(' or ')}, such as ${name}@${NEST_MAJORS.at(-1)}`,
      );
    else if (core !== undefined && majorOf(core) !== major)
      problems.push(
        `${name} ${version} does not fit @nestjs/core ${core}: install ${name}@${majorOf(core)}`,
      );
  }
  return problems;
}

let found: FoundVersions | undefined;

/** Reads the versions in use, once. */
export function foundVersions(): FoundVersions {
  found ??= {
    node: process.versions.node,
    nest: Object.fromEntries(
      NEST_PACKAGES.map(name => [name, versionOf(name)]).filter(([, version]) => version),
    ) as FoundVersions['nest'],
  };
  return found;
}

/** Returns the major version of NestJS to install packages for, such as `'11'`. */
export function nestMajor(): string {
  return `${majorOf(foundVersions().nest['@nestjs/core'] ?? `${NEST_MAJORS.at(-1)}`)}`;
}

function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/**
 * Reads the version from the package.json above the entry point of a package: not every package exports its package.json.
 */
function versionOf(name: string): string | undefined {
  if (OWN_PATH === undefined) return undefined;
  try {
    let folder = dirname(createRequire(OWN_PATH).resolve(name));
    while (folder !== dirname(folder)) {
      const manifest = manifestIn(folder);
      // A test runner may map the package to a file of the application.
      if (manifest) return manifest.name === name ? manifest.version : undefined;
      folder = dirname(folder);
    }
  } catch {
    // A bundled application has no packages beside it. Its bundler has checked them.
  }
  return undefined;
}

function manifestIn(folder: string): { name?: string; version?: string } | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
}
