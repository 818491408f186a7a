import { isFull, isOutage, replyCode } from '../../lib/redis/reply-errors.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

describe('Redis error', () => {
  it.each([
    ['OOM command not allowed when used memory > maxmemory. script: 5f, on @user_script:3.', 'OOM'],
    [
      "ERR Error running script (call to f_5f): @user_script:14: @user_script: 14: -OOM command not allowed when used memory > 'maxmemory'.",
      'OOM',
    ],
    [
      "ERR Error running script (call to f_5f): @user_script:2: @user_script: 2: -READONLY You can't write against a read only replica.",
      'READONLY',
    ],
    ['NOPERM this user has no permissions to run the command', 'NOPERM'],
    ['ERR value is not an integer', 'ERR'],
    ['', ''],
  ])('%.60s has the code %s in every version', (message, code) => {
    expect(replyCode(reply(message))).toBe(code);
  });

  it.each(['LOADING Redis is loading', 'READONLY You', 'NOPERM no', 'CLUSTERDOWN Hash slot'])(
    '%s is an outage',
    message => {
      expect(isOutage(reply(message))).toBe(true);
    },
  );

  it.each(['OOM command', 'WRONGTYPE Operation', 'ERR syntax error'])(
    '%s concerns one command',
    message => {
      expect(isOutage(reply(message))).toBe(false);
    },
  );

  it('without a reply code is an outage', () => {
    expect(isOutage(new Error('Connection is closed.'))).toBe(true);
    expect(isFull(new Error('Connection is closed.'))).toBe(false);
    expect(isFull(undefined)).toBe(false);
  });
});
