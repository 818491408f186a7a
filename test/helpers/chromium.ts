import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { describeWith } from './describe-with.js';

const EXECUTABLE = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'chromium'))
  .find(path => existsSync(path));

/** Runs a suite that needs Chromium. */
export const describeWithChromium = describeWith('chromium', EXECUTABLE !== undefined, 'chromium');

/** Starts a headless browser. Chromium refuses its sandbox as root, so it is off there. */
export function launchChromium(): Promise<Browser> {
  const chromiumSandbox = process.getuid?.() !== 0;
  return chromium.launch({ executablePath: EXECUTABLE, chromiumSandbox });
}
