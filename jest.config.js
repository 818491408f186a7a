/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  setupFiles: ['reflect-metadata'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-semantic-events$': '<rootDir>/lib/index.ts',
    '^nestjs-semantic-events/client$': '<rootDir>/lib/client/index.ts',
    '^nestjs-semantic-events/health$': '<rootDir>/lib/health/index.ts',
    '^nestjs-semantic-events/opentelemetry$': '<rootDir>/lib/opentelemetry/index.ts',
    '^nestjs-semantic-events/redis$': '<rootDir>/lib/redis/index.ts',
    '^nestjs-semantic-events/socket\\.io$': '<rootDir>/lib/socket.io/index.ts',
    '^nestjs-semantic-events/testing$': '<rootDir>/lib/testing/index.ts',
    // The tests on Redis run with ioredis 5, too.
    ...(process.env.IOREDIS === '5' ? { '^ioredis$': 'ioredis-5' } : {}),
    // CommonJS that requires ES modules, which Jest cannot do before Node 24.9.
    '^@nestjs/throttler$': '<rootDir>/test/helpers/throttler.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  // A machine that is shared can take three times as long as it should.
  testTimeout: 45_000,
  // One more than there are cores on the smallest machine: many suites wait for sockets and timers.
  maxWorkers: 3,
  // Jest keeps the ES modules of each suite in memory. A worker of several gigabytes is slow.
  workerIdleMemoryLimit: '1GB',
  // The end of a worker frees its memory. On a busy machine that alone takes longer than the 500 ms after which Jest reports a leak.
  workerGracefulExitTimeout: 5_000,
};
