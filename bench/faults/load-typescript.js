// Loads a TypeScript module of this repository from its source, independent of dist/.
import { build } from 'esbuild';

export async function loadTypeScript(path) {
  // The file must be inside the repository, so that its packages are found. The process id separates concurrent runs.
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
