import { isFull, isOutage, replyCode } from '../../lib/redis/reply-errors.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

describe('an error of Redis', () => {
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
  ])('%.60s is about %s, whichever version says it', (message, code) => {
    expect(replyCode(reply(message))).toBe(code);
  });

  it.each(['LOADING Redis is loading', 'READONLY You', 'NOPERM no', 'CLUSTERDOWN Hash slot'])(
    '%s tells of an outage',
    message => {
      expect(isOutage(reply(message))).toBe(true);
    },
  );

  it.each(['OOM command', 'WRONGTYPE Operation', 'ERR syntax error'])(
    '%s tells of one command',
    message => {
      expect(isOutage(reply(message))).toBe(false);
    },
  );

  it('that is none of its answers tells of an outage', () => {
    expect(isOutage(new Error('Connection is closed.'))).toBe(true);
    expect(isFull(new Error('Connection is closed.'))).toBe(false);
    expect(isFull(undefined)).toBe(false);
  });
});
