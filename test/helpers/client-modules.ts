import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** The rooms of lib/ that browsers may need. */
const ROOMS = ['client', 'event', 'protocol'];

/**
 * The modules of the client as `npm run build` makes them, in a folder of their own: one each, in JavaScript. Tests
 * are of the sources, whatever was built before.
 */
export async function buildClientModules(): Promise<{ folder: URL; remove: () => void }> {
  const outdir = mkdtempSync(join(tmpdir(), 'semantic-events-client-'));
  const entryPoints = ROOMS.flatMap(room =>
    readdirSync(join('lib', room))
      .filter(name => name.endsWith('.ts'))
      .map(name => join('lib', room, name)),
  );
  await build({ entryPoints, outdir, outbase: 'lib', format: 'esm', logLevel: 'warning' });
  return {
    folder: pathToFileURL(`${outdir}/`),
    remove: () => {
      rmSync(outdir, { recursive: true, force: true });
    },
  };
}
