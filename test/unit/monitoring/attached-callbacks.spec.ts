import { join } from 'node:path';
import { placesIn, placesOf } from '../../helpers/attached-callbacks.js';

const LIB = join(import.meta.dirname, '../../../lib');

/** These do not run in a server: clients, the command line, and test utilities for applications. */
const isElsewhere = (file: string) => /^(client|doctor|testing)\//.test(file);

describe('callbacks that the library attaches to objects it does not own', () => {
  const places = placesIn(LIB, isElsewhere);

  it('are contained: their errors are logged and do not end the process', () => {
    expect(places.filter(({ isContained }) => !isContained)).toEqual([]);
  });

  it.each(['transports/ws', 'transports/socket.io', 'handshake', 'connection', 'mesh', 'redis'])(
    'are found in %s',
    room => {
      expect(places.filter(({ at }) => at.startsWith(room)).length).toBeGreaterThan(2);
    },
  );
});

describe('the scan for callbacks', () => {
  it.each([
    'server.on("upgrade", () => work());',
    'server.on("upgrade", this.upgrade);',
    'socket.once("close", close);',
    'server.prependListener("request", request => read(request));',
    'signal.addEventListener("abort", () => stop());',
    'namespace.use((socket, next) => enter(socket, next));',
    'this.bus.subscribe(revocation => end(revocation));',
    'setTimeout(() => work(), 10);',
    'setInterval(this.scan, 10);',
    'setImmediate(work);',
    'queueMicrotask(() => work());',
    'process.nextTick(flush);',
    'void this.catchUp();',
    'void work().then(next);',
    'void work().then(next).finally(done);',
    'listen(() => void this.catchUp());',
    'redis.eval(script).then(() => done());',
    'redis.eval(script).then(contained(done), () => failed());',
  ])('reports an uncaught callback: %s', text => {
    expect(placesOf('file.ts', text)).toMatchObject([{ isContained: false }]);
  });

  it.each([
    'server.on("upgrade", contained(() => work()));',
    'const close = contained(() => work()); socket.once("close", close);',
    'class A { readonly scan = contained(() => work()); start() { setInterval(this.scan, 10); } }',
    'new Promise(resolve => setTimeout(resolve, 10));',
    'redis.on("error", () => undefined);',
    'void work().catch(report);',
    'void work().then(next, report).finally(done);',
    'void Promise.prototype.then.call(work(), undefined, report);',
    'void recovering(() => work(), report);',
    'void Promise.allSettled(all).then(contained(done));',
    'redis.eval(script).then(contained(done), () => undefined);',
    'function ignore() {} socket.on("error", ignore);',
  ])('accepts a caught callback: %s', text => {
    expect(placesOf('file.ts', text)).toMatchObject([{ isContained: true }]);
  });
});
