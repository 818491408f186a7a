import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from '../helpers/build.js';

/** The smallest measurement. Its figures mean nothing. */
const TINY = {
  ...{ input: 'ui', rounds: 1, messages: 64, calls: 50, keys: 1_000, live: 1_000 },
  ...{ connections: 20, sockets: 20, events: 1 },
};

interface Report {
  targets: { what: string; figure: number; met: boolean }[];
  comparisons: Record<string, { tables: Record<string, Record<string, unknown>[]> }>;
}

describe('benchmarks', () => {
  // The benchmarks measure the library as published.
  beforeAll(build, 240_000);

  it('run, and report a figure for each server, part and target', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-'));
    const out = join(folder, 'bench.json');
    const options = Object.entries(TINY).map(([name, value]) => `--${name}=${value}`);
    const bench = spawn(process.execPath, ['bench/run.js', `--out=${out}`, ...options], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const [errors, output, [code]] = await Promise.all([
      text(bench.stderr),
      text(bench.stdout),
      once(bench, 'exit'),
    ]);
    expect({ code, errors, output }).toMatchObject({ code: 0, errors: '' });

    const { targets, comparisons } = JSON.parse(await readFile(out, 'utf8')) as Report;
    await rm(folder, { recursive: true });
    expect(targets.map(({ figure }) => Number.isFinite(figure))).not.toContain(false);
    const rows = Object.values(comparisons).flatMap(({ tables }) => Object.values(tables).flat());
    expect(rows.flatMap(row => Object.values(row))).not.toContain(null);
    expect(Object.keys(comparisons)).toEqual([
      ...['end-to-end', 'signatures', 'limits', 'nonces', 'refusals'],
      ...['idle-connections', 'fan-out', 'matching'],
    ]);
  }, 240_000);
});
