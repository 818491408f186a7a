import { fileURLToPath } from 'node:url';

/**
 * Returns the path of the calling module. ES modules have `import.meta` for this, CommonJS has `__filename`. This source is
 * compiled to both, so it reads the stack.
 */
export function callerPath(): string | undefined {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is only put back
  const before = Error.prepareStackTrace;
  try {
    // Switch off source maps here: they would return the path of the TypeScript source, which both builds share.
    Error.prepareStackTrace = (_, sites) => sites;
    const holder: { stack?: NodeJS.CallSite[] } = {};
    Error.captureStackTrace(holder, callerPath);
    return withoutQuery(holder.stack?.[0]?.getFileName() ?? undefined);
  } finally {
    Error.prepareStackTrace = before;
  }
}

/** Removes the query that Vite adds to the names of modules. */
function withoutQuery(name: string | undefined): string | undefined {
  const path = name?.replace(/\?.*$/, '');
  return path?.startsWith('file:') ? fileURLToPath(path) : path;
}
