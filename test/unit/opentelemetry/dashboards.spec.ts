import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}
interface Panel {
  title: string;
  gridPos: { x: number; y: number };
  targets: { expr: string }[];
}

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** Returns the names that the Prometheus exporter gives to the metrics of docs/operating.md. */
function exportedNames(): Set<string> {
  const rows = read('docs/operating.md').matchAll(
    /^\| `(semantic_events\.[\w.]+)` +\| `([^`]+)`/gm,
  );
  return new Set(
    [...rows].flatMap(([, metric = '', unit]) => {
      const name = metric.replaceAll('.', '_');
      if (unit === 's') return [`${name}_bucket`, `${name}_count`, `${name}_sum`];
      return /\.(?:count|size)$/.test(metric) ? [name] : [`${name}_total`];
    }),
  );
}

const metricsIn = (expr: string) =>
  expr.replaceAll(/by \([^)]*\)/g, '').match(/semantic_events_\w+(?=[{[)])/g) ?? [];

const { groups } = load(read('sample/03-prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap(group => group.rules);
const { panels } = JSON.parse(read('sample/03-prometheus/dashboard.json')) as { panels: Panel[] };

describe('Prometheus alert rules and dashboard', () => {
  it('use only metrics that the library exports', () => {
    const names = exportedNames();
    const used = [...rules, ...panels.flatMap(({ targets }) => targets)].flatMap(({ expr }) =>
      metricsIn(expr),
    );
    expect(used.length).toBeGreaterThan(rules.length);
    for (const name of used) expect(names).toContain(name);
  });

  it('show every metric', () => {
    const shown = panels
      .flatMap(({ targets }) => targets)
      .flatMap(({ expr }) => metricsIn(expr))
      .map(name => name.replace(/_(?:bucket|count|sum|total)$/, ''));
    const metrics = [...exportedNames()].map(name =>
      name.replace(/_(?:bucket|count|sum|total)$/, ''),
    );
    expect([...new Set(shown)].sort()).toEqual([...new Set(metrics)].sort());
  });

  it.each(rules)('$alert has balanced brackets, a duration, a severity and two sentences', rule => {
    for (const [open, close] of ['()', '{}', '[]'])
      expect(rule.expr.split(open!).length).toBe(rule.expr.split(close!).length);
    expect(rule.for).toMatch(/^\d+m$/);
    expect(['critical', 'warning']).toContain(rule.labels.severity);
    expect(rule.annotations.summary).not.toBe('');
    expect(rule.annotations.description).toMatch(/\.$/);
  });

  it('has panels that do not overlap', () => {
    const places = panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
    expect(new Set(places).size).toBe(panels.length);
  });
});
