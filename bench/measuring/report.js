// Prints results: tables of figures, and targets with the measured figures.

/** Creates a target with an upper limit. */
export function atMost(limit, what, figure, unit = '×') {
  return { what, figure, target: `≤ ${limit} ${unit}`, met: figure <= limit };
}

/** Creates a target with a lower limit. */
export function atLeast(limit, what, figure, unit = '×') {
  return { what, figure, target: `≥ ${limit} ${unit}`, met: figure >= limit };
}

/** @param results the results of a comparison: `{ notes, tables: { title: rows }, targets }` */
export function show({ notes = [], tables, targets = [] }, log = console.log) {
  for (const note of notes) log(note);
  for (const [title, rows] of Object.entries(tables)) showTable(title, rows, log);
  if (targets.length > 0) showTargets(targets, log);
}

export function showTable(title, rows, log = console.log) {
  log(`\n${title}`);
  log(tableOf(rows.map(shownRow)));
}

export function showTargets(targets, log = console.log) {
  log('\nWhat was aimed at');
  log(
    tableOf(
      targets.map(({ what, figure, target, met }) => ({
        what,
        figure: shown(figure),
        target,
        result: met ? 'met' : 'short',
      })),
    ),
  );
}

function shownRow(row) {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, shown(value)]));
}

function shown(value) {
  if (typeof value !== 'number' || Number.isInteger(value)) return `${value ?? '—'}`;
  return Math.abs(value) < 1_000 ? value.toPrecision(3) : value.toFixed(0);
}

/** Formats rows of text. The first column is aligned to the left, all others to the right. */
function tableOf(rows) {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map(row => names.map(name => row[name] ?? ''))];
  const widths = names.map((_, column) => Math.max(...lines.map(line => [...line[column]].length)));
  return lines
    .map(line =>
      line
        .map((cell, column) => {
          const padding = ' '.repeat(widths[column] - [...cell].length);
          return column === 0 ? cell + padding : padding + cell;
        })
        .join('  '),
    )
    .join('\n');
}
