import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNoopMeter, type MetricOptions } from '@opentelemetry/api';
import { instrumentsOf } from '../../../lib/opentelemetry/instruments.js';

/** Returns every created instrument and its unit. */
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

describe('metrics', () => {
  it('are those that docs/operating.md lists, with their units', () => {
    const rows = [...page.matchAll(/^\| `(semantic_events\.[a-z_.]+)` *\| `([^`]+)`/gm)];
    expect(rows.length).toBeGreaterThan(0);
    const documented = new Map(rows.map(([, name, unit]) => [name, unit]));
    expect(documented).toEqual(unitsOfInstruments());
  });

  it('follow the naming rules of OpenTelemetry: no unit in the name, words separated by underscores', () => {
    for (const [name, unit] of unitsOfInstruments()) {
      expect(name).toMatch(/^semantic_events(\.[a-z]+(_[a-z]+)*)+$/);
      expect(['s', 'By', expect.stringMatching(/^\{[a-z]+\}$/)]).toContainEqual(unit);
    }
  });
});

it('example in docs/operating.md is the tested file', () => {
  const path = join(process.cwd(), 'sample', '03-prometheus', 'instrumentation.ts');
  expect(page).toContain(readFileSync(path, 'utf8'));
});
