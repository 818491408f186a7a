import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNoopMeter, type MetricOptions } from '@opentelemetry/api';
import { instrumentsOf } from '../../../lib/opentelemetry/instruments.js';

/** Every instrument that is made, and its unit. */
function unitsOfInstruments(): Map<string, string | undefined> {
  const units = new Map<string, string | undefined>();
  const meter = new Proxy(createNoopMeter(), {
    get:
      () =>
      (name: string, { unit }: MetricOptions) => {
        units.set(name, unit);
      },
  });
  instrumentsOf(meter);
  return units;
}

const page = readFileSync(join(process.cwd(), 'docs/operating.md'), 'utf8');

describe('the metrics', () => {
  it('are those docs/operating.md lists, with their units', () => {
    const rows = [...page.matchAll(/^\| `(semantic_events\.[a-z_.]+)` *\| `([^`]+)`/gm)];
    expect(rows.length).toBeGreaterThan(0);
    const documented = new Map(rows.map(([, name, unit]) => [name, unit]));
    expect(documented).toEqual(unitsOfInstruments());
  });

  it('are named as OpenTelemetry has it: no unit in the name, words by underscores', () => {
    for (const [name, unit] of unitsOfInstruments()) {
      expect(name).toMatch(/^semantic_events(\.[a-z]+(_[a-z]+)*)+$/);
      expect(['s', 'By', expect.stringMatching(/^\{[a-z]+\}$/)]).toContainEqual(unit);
    }
  });
});

it('the example of docs/operating.md is the one that is tested', () => {
  const path = join(process.cwd(), 'sample', '03-prometheus', 'instrumentation.ts');
  expect(page).toContain(readFileSync(path, 'utf8'));
});
