import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const BARE_NODE = join(process.cwd(), 'test', 'helpers', 'bare-node');

it('everything but openTelemetry works without @opentelemetry/api', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    '--disable-warning=DEP0205',
    '--import',
    join(BARE_NODE, 'register.js'),
    join(BARE_NODE, 'main.ts'),
  ]);
  expect(JSON.parse(stdout)).toEqual({
    reply: 'hello',
    refusal: 'RATE_LIMITED',
    openTelemetry: 'ERR_MODULE_NOT_FOUND',
  });
  expect(stderr).toBe('');
});
