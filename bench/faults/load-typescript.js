// Loads a TypeScript module of this repository as it is, whatever may be in dist/.
import { build } from 'esbuild';

export async function loadTypeScript(path) {
  // Inside the repository, so that packages are found from it; of this process alone, so that runs do not meet.
  const outfile = `build/faults/${process.pid}-${path.replaceAll('/', '-')}.js`;
  await build({
    entryPoints: [path],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  return import(new URL(`../../${outfile}`, import.meta.url).href);
}
