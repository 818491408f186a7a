import { Cluster, Redis } from 'ioredis';
import { REDIS_DEFAULTS } from '../../lib/redis/redis-options.js';
import { redisStores, type RedisStoresOptions } from '../../lib/redis/index.js';
import { SemanticEventsConfigError } from '../../lib/index.js';
import { readFileSync } from 'node:fs';

const problemsOf = (options: unknown): readonly string[] => {
  try {
    void redisStores(options as RedisStoresOptions).close();
    return [];
  } catch (error) {
    if (error instanceof SemanticEventsConfigError) return error.problems;
    throw error;
  }
};

describe('redisStores', () => {
  it('requires either a url or a client', () => {
    expect(problemsOf({})).toHaveLength(1);
    const client = { pipeline: () => undefined, status: 'ready' };
    expect(problemsOf({ url: 'redis://localhost', client })).toHaveLength(1);
    expect(problemsOf({ client: {} })).toEqual([expect.stringContaining('redisStores.client')]);
  });

  it('rejects a client that returns numbers as text', async () => {
    const options = { stringNumbers: true, lazyConnect: true };
    const clients = [
      new Redis(options),
      new Cluster([{}], { redisOptions: options, lazyConnect: true }),
    ];
    for (const client of clients) {
      expect(problemsOf({ client })).toEqual([expect.stringContaining('stringNumbers')]);
      client.disconnect();
    }
  });

  it.each(['localhost:6379', 'http://localhost', 'redis', 6379, ''])('rejects %j as url', url => {
    expect(problemsOf({ url })).toEqual([expect.stringContaining('redisStores.url')]);
  });

  it.each(['redis://localhost', 'redis://localhost/', 'rediss://u:p@localhost:1/15?family=6'])(
    'accepts %j as url',
    url => {
      expect(problemsOf({ url })).toEqual([]);
    },
  );

  it.each(['redis://localhost/production', 'redis://localhost/1/2', 'redis://localhost/-1'])(
    'rejects %j, whose path is no number of a database',
    url => {
      expect(problemsOf({ url })).toEqual([expect.stringContaining('number of a database')]);
    },
  );

  it('does not quote the password of a url', () => {
    expect(problemsOf({ url: 'http://user:canary@localhost' }).join()).not.toContain('canary');
  });

  it('reports every problem at once', () => {
    const numbers = Object.keys(REDIS_DEFAULTS).filter(name => name !== 'prefix');
    const wrong = Object.fromEntries(numbers.map(name => [name, -1]));
    const problems = problemsOf({ ...wrong, prefix: 'a{b}', clock: {}, surprise: 1 });
    for (const name of [...numbers, 'prefix', 'clock', 'surprise'])
      expect(problems.filter(text => text.startsWith(`redisStores.${name} `))).toHaveLength(1);
    expect(problems).toHaveLength(numbers.length + 4);
  });

  it.each([null, undefined, 'redis://localhost', []])('rejects %j as options', options => {
    expect(problemsOf(options)).toEqual(['redisStores must be an object']);
  });

  it('documents its defaults', () => {
    const source = readFileSync('lib/redis/redis-options.ts', 'utf8');
    const documented = [
      ...source.matchAll(/@default (\S+) \*\/\s+(\w+)|@default (\S+)\n\s+\*\/\s+(\w+)/g),
    ];
    const values = documented.map(([, value, name, other, otherName]) => [
      name ?? otherName,
      (value ?? other)!.replaceAll(/[_']/g, ''),
    ]);
    expect(Object.fromEntries(values)).toMatchObject(
      Object.fromEntries(Object.entries(REDIS_DEFAULTS).map(([name, value]) => [name, `${value}`])),
    );
  });
});
