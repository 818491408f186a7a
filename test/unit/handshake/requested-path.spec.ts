import { requestedPath } from '../../../lib/handshake/requested-path.js';

/** The number of calls after which V8 has compiled the function and what it calls. */
const HOT = 20_000;

describe('requestedPath', () => {
  it.each([
    ['/events', '/events'],
    ['/events?x=1', '/events'],
    ['/a/../events', '/a/../events'],
    ['/%65vents', '/%65vents'],
    ['//[/', '//[/'],
    ['', undefined],
    ['http://elsewhere/events', undefined],
  ])('of %p returns %p', (url, path) => {
    expect(requestedPath({ url })).toBe(path);
  });

  it('never throws for a target that is not a URL, even after V8 has optimized it', () => {
    for (let count = 0; count < HOT; count++) requestedPath({ url: `/events/${count}` });
    for (const target of ['//\xc3\x92/', 'http://\xc3\x92/', '//[/', 'http://%/', '//a:b/'])
      for (let count = 0; count < HOT / 10; count++)
        expect(() => requestedPath({ url: target })).not.toThrow();
  });
});
