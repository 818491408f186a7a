// Runs one part for `measureParts`: node part-process.js <file> <part> <settings>
// `parts[name](settings)` creates a part, which may report something in `told`. `prepare(calls)` creates the arguments of
// the calls and is not measured.
// `run(prepared)` makes the calls. Its result depends on every call and is passed on, so that V8 cannot optimize a call
// away.
const [file, name, settings] = process.argv.slice(2);
const { parts } = await import(file);
const part = await parts[name](JSON.parse(settings));

process.on('message', async calls => {
  const prepared = await part.prepare(calls);
  globalThis.gc();
  const before = process.cpuUsage();
  const result = await part.run(prepared);
  const { user, system } = process.cpuUsage(before);
  process.send({ cpu: (user + system) / calls, result });
});
process.on('disconnect', () => process.exit());
process.send({ told: part.told });
