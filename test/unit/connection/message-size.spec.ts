import { validateMessageSize } from '../../../lib/connection/message-size.js';

describe('validateMessageSize', () => {
  it.each([
    ['a string', 'x'.repeat(10)],
    ['a Buffer', Buffer.alloc(10)],
    ['an ArrayBuffer', new ArrayBuffer(10)],
    ['a Uint8Array', new Uint8Array(10)],
    ['a view on part of a buffer', new Uint8Array(new ArrayBuffer(100), 5, 10)],
    ['a view of wider items', new Uint16Array(5)],
    ['fragments', [Buffer.alloc(4), Buffer.alloc(0), new Uint8Array(6)]],
  ])('counts the bytes of %s', (_, message) => {
    expect(validateMessageSize(message, 10)).toBe(true);
    expect(validateMessageSize(message, 9)).toBe(false);
  });

  it.each([
    ['ä', 2],
    ['€', 3],
    ['🔑', 4],
    ['\ud800', 3],
  ])('counts %j as %d UTF-8 bytes', (text, size) => {
    expect(validateMessageSize(text, size)).toBe(true);
    expect(validateMessageSize(text, size - 1)).toBe(false);
  });

  it('accepts an empty message at any limit', () => {
    for (const empty of ['', Buffer.alloc(0), []]) expect(validateMessageSize(empty, 0)).toBe(true);
  });
});
