import { Intake } from '../../../lib/adapter/intake.js';

const OPEN = 1;
const CLOSING = 2;
const nextTurn = () => new Promise<void>(resolve => setImmediate(resolve));

/** An intake for as many messages at once as a test allows, and what becomes of them. */
const start = (room = Infinity) => {
  const socket = {
    OPEN: OPEN as 1,
    readyState: OPEN as 0 | 1 | 2 | 3,
    isPaused: false,
    pause: () => void (socket.isPaused = true),
    resume: () => void (socket.isPaused = false),
  };
  const handled: string[] = [];
  const state = { room };
  const intake = new Intake<string>(socket, {
    get hasRoom() {
      return state.room > 0;
    },
    read: (text: string) => {
      state.room--;
      handled.push(text);
    },
  });
  return { socket, handled, state, intake };
};
const numbers = (count: number) => Array.from({ length: count }, (_, at) => `${at}`);

describe('one turn of a connection', () => {
  it.each([
    ['as many short messages', 64, '{}'],
    ['a chunk of long ones', 2, 'x'.repeat(32_768)],
    ['one very long one', 1, 'x'.repeat(200_000)],
  ])('is over after %s', async (_, count, text) => {
    const { socket, handled, intake } = start();
    for (let sent = 0; sent < 3 * count; sent++) intake.take(text);
    expect(handled).toHaveLength(count);
    expect(socket.isPaused).toBe(true);
    await nextTurn();
    expect(handled).toHaveLength(2 * count);
    await nextTurn();
    expect(handled).toHaveLength(3 * count);
  });

  it('ends without anything lost or out of order, and reading goes on', async () => {
    const { socket, handled, intake } = start();
    for (const text of numbers(150)) intake.take(text);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    intake.take('last');
    expect(handled).toEqual([...numbers(150), 'last']);
    expect(socket.isPaused).toBe(false);
  });

  it('does not end for messages that do not fill it', () => {
    const { socket, handled, intake } = start();
    for (const text of numbers(63)) intake.take(text);
    expect(handled).toHaveLength(63);
    expect(socket.isPaused).toBe(false);
  });
});

describe('messages there is no room for', () => {
  it('are held in order, and handled when there is', () => {
    const { handled, state, intake } = start(2);
    for (const text of numbers(5)) intake.take(text);
    expect(handled).toEqual(['0', '1']);
    state.room = 2;
    intake.take('5');
    expect(handled).toEqual(['0', '1']);
    intake.goOn();
    expect(handled).toEqual(['0', '1', '2', '3']);
    state.room = Infinity;
    intake.goOn();
    expect(handled).toEqual(numbers(6));
  });

  it.each([
    [63, '{}', false],
    [64, '{}', true],
    [1, 'x'.repeat(65_535), false],
    [1, 'x'.repeat(65_536), true],
  ])('stop the reading when they grow too many: %d', (count, text, isPaused) => {
    const { socket, intake } = start(0);
    for (let sent = 0; sent < count; sent++) intake.take(text);
    expect(socket.isPaused).toBe(isPaused);
  });

  it('start it again when they are fewer', () => {
    const { socket, state, intake } = start(0);
    for (const text of numbers(64)) intake.take(text);
    state.room = 1;
    intake.goOn();
    expect(socket.isPaused).toBe(false);
  });

  it('are forgotten when told to, and their weight with them', () => {
    const { socket, handled, state, intake } = start(0);
    for (const text of numbers(64)) intake.take(text);
    intake.clear();
    state.room = 1;
    intake.goOn();
    expect(handled).toEqual([]);
    expect(socket.isPaused).toBe(false);
  });
});

describe('a socket that closes', () => {
  it('is neither paused nor resumed', async () => {
    const { socket, handled, state, intake } = start();
    for (const text of numbers(70)) intake.take(text);
    socket.readyState = CLOSING;
    await nextTurn();
    expect(handled).toHaveLength(70);
    expect(socket.isPaused).toBe(true);
    socket.isPaused = false;
    state.room = 0;
    for (const text of numbers(200)) intake.take(text);
    expect(socket.isPaused).toBe(false);
  });
});
