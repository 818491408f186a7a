import { OpenAttempts } from '../../../lib/auth/open-attempts.js';

const settled = async (waiting: (Promise<void> | undefined)[]) => {
  let count = 0;
  for (const wait of waiting) void wait?.then(() => count++);
  await new Promise(setImmediate);
  return count;
};

describe('OpenAttempts', () => {
  it('wakes one waiting attempt for each that ends, and all of them after the last', async () => {
    const open = new OpenAttempts();
    for (let attempt = 0; attempt < 3; attempt++) open.enter('key');
    const waiting = Array.from({ length: 5 }, () => open.next('key'));
    const counts = [await settled(waiting)];
    for (let attempt = 0; attempt < 3; attempt++) {
      open.leave('key');
      counts.push(await settled(waiting));
    }
    expect(counts).toEqual([0, 1, 2, 5]);
  });

  it('lets nobody wait for a key that no attempt uses', () => {
    const open = new OpenAttempts();
    open.enter('key');
    expect(open.next('other')).toBeUndefined();
    open.leave('key');
    expect(open.next('key')).toBeUndefined();
  });
});
