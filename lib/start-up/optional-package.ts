import { SemanticEventsConfigError } from '../protocol/index.js';
import { nestMajor } from './versions.js';

interface Need {
  /** The name of the package. */
  readonly name: string;
  /** The feature that needs the package, such as the name of an option. */
  readonly neededBy: string;
  /** The version to install. @default the major version of the installed NestJS */
  readonly version?: string;
}

/**
 * Loads a package that only some applications need. Call it with `() => import('…')`. The CommonJS build turns that into
 * `require()`, because Jest rejects a dynamic `import()` in CommonJS.
 *
 * @throws SemanticEventsConfigError naming the package and the version to install, if it is missing, or what else to do
 */
export async function optionalPackage<T>(load: () => Promise<T>, need: Need): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { name, neededBy, version = nestMajor() } = need;
    if (isRefusedByJest(error))
      throw new SemanticEventsConfigError([
        `${neededBy} needs the package ${name}, which Jest cannot load here: it has ES modules only. ` +
          `Use Node 24.9 or later, or add ${name} to the exceptions of transformIgnorePatterns`,
      ]);
    if (!isMissing(error, name)) throw error;
    throw new SemanticEventsConfigError([
      `${neededBy} needs the package ${name}: npm install ${name}@${version}`,
    ]);
  }
}

/** Returns whether this package is missing, and not one of its own dependencies. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  const isNotFound = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  return isNotFound && new RegExp(`['"]${name}['"]`).test(message.split('\n', 1)[0] ?? '');
}

/** Before Node 24.9, Jest does not `require()` ES modules. */
function isRefusedByJest(error: unknown): boolean {
  return /^Must use import to load ES Module/.test((error as Error).message);
}
