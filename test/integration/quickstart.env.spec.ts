import { ConsoleLogger, Logger } from '@nestjs/common';
import { AppModule } from '../../sample/01-quickstart/app.module.js';
import { readConfig } from '../../sample/01-quickstart/config.js';
import { TestApp } from '../helpers/test-app.js';

const ENV = {
  SEMANTIC_EVENTS_KEYS:
    'new:new-secret-new-secret-new-secret-new!,old:old-secret-old-secret-old-secret-old!',
  JWT_SECRET: 'jwt-secret-jwt-secret-jwt-secret-jwt!',
};

describe('the environment of the quickstart', () => {
  const warnings: unknown[] = [];
  const logger = Object.assign(new ConsoleLogger(), {
    warn: (message: unknown) => warnings.push(message),
  });

  beforeEach(() => {
    warnings.length = 0;
    Logger.overrideLogger(logger);
  });

  it('may be empty: secrets are generated, each with a warning', () => {
    const [one, other] = [readConfig({}), readConfig({})];
    expect(one).toMatchObject({ host: '127.0.0.1', port: 3000 });
    expect(one.jwtSecret).not.toBe(other.jwtSecret);
    expect(one.keys[0]!.secret).not.toBe(other.keys[0]!.secret);
    expect(warnings).toHaveLength(4);
    expect(JSON.stringify(warnings)).not.toContain(one.jwtSecret);
  });

  it('must have every secret in production', () => {
    expect(() => readConfig({ NODE_ENV: 'production' })).toThrow(
      /SEMANTIC_EVENTS_KEYS must be set in production\n\s+JWT_SECRET must be set in production/,
    );
    expect(readConfig({ ...ENV, NODE_ENV: 'production' }).keys).toHaveLength(2);
    expect(warnings).toEqual([]);
  });

  it('is rejected with an error that names every invalid variable', () => {
    const names = ['PORT', 'MESSAGE_RATE', 'MESSAGE_BURST', 'AUTH_TIMEOUT_MS'];
    const env = Object.fromEntries(names.map(name => [name, 'many']));
    for (const name of names) expect(() => readConfig(env)).toThrow(`${name} must be a number`);
  });

  it('with a short secret does not start', async () => {
    const module = AppModule.with(readConfig({ ...ENV, SEMANTIC_EVENTS_KEYS: 'a:short,b' }));
    await expect(TestApp.start({ gateways: [], module })).rejects.toThrow(
      /signing\.keys\[0\]\.secret(.|\n)*signing\.keys\[1\]\.id/,
    );
  });
});
