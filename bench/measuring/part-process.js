// Runs one part for `measureParts`: node part-process.js <file> <part> <settings>
//
// A part is made by `parts[name](settings)`, which may note something it `told`. `prepare(calls)` makes what the calls need, which is not measured, and
// `run(prepared)` makes the calls. What it returns depends on every call, and is handed on: nothing is optimized away.
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
