// Compiles lib/ twice: to ES modules in dist/ and to CommonJS in dist/cjs/, one file for each source file. Then it builds
// the package of the client from the result.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { buildClientPackage } from './client-package.js';

const TSC = 'node_modules/typescript/bin/tsc';

async function compile(project) {
  const tsc = spawn(process.execPath, [TSC, '-p', project], { stdio: 'inherit' });
  const [code] = await once(tsc, 'exit');
  if (code !== 0) throw new Error(`tsc -p ${project} failed`);
}

rmSync('dist', { recursive: true, force: true });
await Promise.all([compile('tsconfig.build.json'), compile('tsconfig.commonjs.json')]);
writeFileSync('dist/cjs/package.json', `${JSON.stringify({ type: 'commonjs' })}\n`);
buildClientPackage();
