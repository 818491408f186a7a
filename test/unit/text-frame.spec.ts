import { FrameMould, textFrame, textIn } from '../../lib/text-frame.js';
import { textsOf } from '../helpers/text-of.js';

const LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];

describe('textFrame', () => {
  it.each(LENGTHS)('of %d bytes is parsed as its text, and so is the next frame', length => {
    const text = 'x'.repeat(length);
    expect(textsOf(textFrame(text), textFrame('next'))).toEqual([text, 'next']);
  });

  it.each(['ü'.repeat(63), '漢'.repeat(42), '😀'.repeat(32), '\u{10ffff}\u0000"\\'])(
    'counts bytes, not characters: %j',
    text => {
      expect(textsOf(textFrame(text), textFrame('next'))).toEqual([text, 'next']);
    },
  );

  it.each(LENGTHS)('of %d bytes contains its text, which `textIn` returns', length => {
    const text = 'x'.repeat(length);
    expect(textIn(textFrame(text)).toString()).toBe(text);
  });

  it.each(LENGTHS)('around %d bytes equals the frame of the whole text', length => {
    const [head, ascii, tail] = ['{"ä":"', 'x'.repeat(length), '"}€'];
    const frame = new FrameMould(head, tail).frameWith(ascii);
    expect(frame.equals(textFrame(head + ascii + tail))).toBe(true);
  });

  it('reuses one released buffer of the same text and length once, and no other', () => {
    const mould = new FrameMould('<', '>');
    const frames = ['a', 'b'].map(text => mould.frameWith(text));
    expect(textsOf(...frames)).toEqual(['<a>', '<b>']);

    mould.takeBack(frames[0]!);
    frames.push(mould.frameWith('c'), mould.frameWith('d'));
    expect(frames[2]).toBe(frames[0]);
    mould.takeBack(frames[3]!);
    frames.push(mould.frameWith('longer'));
    expect(textsOf(...frames)).toEqual(['<c>', '<b>', '<c>', '<d>', '<longer>']);
  });
});
