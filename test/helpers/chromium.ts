import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const EXECUTABLE = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'chromium'))
  .find(path => existsSync(path));

const WHY_SKIPPED = 'SKIPPED: no chromium here (apt-get install chromium)';

/** A suite that needs Chromium; where there is none, it is skipped, and says so. */
export function describeWithChromium(name: string, suite: () => void): void {
  if (EXECUTABLE !== undefined) {
    describe(name, suite);
    return;
  }
  // Jest does not print the titles of what it skips.
  process.stderr.write(`${name}: ${WHY_SKIPPED}\n`);
  describe.skip(`${name} [${WHY_SKIPPED}]`, suite);
}

/** A headless browser; as root it has no sandbox, which Chromium refuses there. */
export function launchChromium(): Promise<Browser> {
  const chromiumSandbox = process.getuid?.() !== 0;
  return chromium.launch({ executablePath: EXECUTABLE, chromiumSandbox });
}
