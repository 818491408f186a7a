import { jest } from '@jest/globals';
import { HttpException, RequestTimeoutException } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { WsException } from '@nestjs/websockets';
import {
  AuthAttempts,
  SessionRegistry,
  TicketService,
  TokenAuthenticator,
} from '../../../lib/auth/index.js';
import type { OidcLibrary } from '../../../lib/auth/oidc-library.js';
import { type ConnectionManager, SingleNodeRevocationBus } from '../../../lib/connection/index.js';
import { RefusalException } from '../../../lib/handler/index.js';
import {
  type MessageHandler,
  Telemetry,
  type TimedOperation,
  type UnexpectedErrors,
} from '../../../lib/monitoring/index.js';
import {
  type AuthOptions,
  MAX_TOKEN_LENGTH,
  type ValidateToken,
} from '../../../lib/options/index.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { InMemoryRateLimitStore, RateLimiter } from '../../../lib/rate-limit/index.js';
import { InMemoryNonceStore } from '../../../lib/replay/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const DAY = 86_400_000;
const BURST = 3;
const SECRET = 'a-secret-of-at-least-32-bytes-long';
const jwt = new JwtService();
const handshake = { address: '192.0.2.1', url: '/', headers: {} };
const elsewhere = { ...handshake, address: '203.0.113.9' };

describe('TokenAuthenticator', () => {
  let clock: FakeClock;
  let log: LogLine[];
  let sessions: SessionRegistry;
  let bus: SingleNodeRevocationBus;
  let tickets: TicketService;
  let authenticator: TokenAuthenticator;

  /** The operations that telemetry measured, and the failures of callbacks that were reported. */
  let timed: TimedOperation[];
  let reported: unknown[];

  const setUp = (auth: AuthOptions, jose?: OidcLibrary) => {
    const options = resolvedOptions({
      auth: { attempts: { rate: 1, per: DAY, burst: BURST }, timeout: 20, ...auth },
    });
    const connections = {
      revoke: () => 0,
      list: () => [],
    } as unknown as ConnectionManager;
    bus = new SingleNodeRevocationBus();
    sessions = new SessionRegistry(connections, options, clock, bus);
    const signer = new EventSigner(options, clock);
    tickets = new TicketService(options, signer, new InMemoryNonceStore(100, clock), clock);
    const limiter = new RateLimiter(new InMemoryRateLimitStore(100, clock), options, clock);
    const attempts = new AuthAttempts(options, limiter);
    timed = [];
    reported = [];
    class RecordingTelemetry extends Telemetry {
      timed<T extends unknown[], R>(operation: TimedOperation, call: (...args: T) => R) {
        return (...args: T) => {
          timed.push(operation);
          return call(...args);
        };
      }

      handled = (_: string, handler: MessageHandler) => handler;
      watch = () => () => undefined;
    }
    const errors = {
      report: (error: unknown, { source }: { source: string }) => reported.push([source, error]),
    };
    authenticator = new TokenAuthenticator(
      options,
      clock,
      tickets,
      sessions,
      attempts,
      new JwtService(),
      new RecordingTelemetry(),
      errors as unknown as UnexpectedErrors,
      jose,
    );
  };
  /** Authenticates with a token that the application answers with the given value. */
  const answering = (answer: unknown, token = 'token') => {
    setUp({ validateToken: (() => answer) as ValidateToken });
    return authenticate(token);
  };
  const authenticate = async (token: string, from = handshake) =>
    authenticator.authenticate(token, from);
  const outcome = (token: string, from = handshake) =>
    authenticate(token, from).then(
      ({ user }) => user.id,
      (error: unknown) => (error as RefusalError).code,
    );

  beforeEach(() => {
    clock = new FakeClock();
    log = captureLog();
  });

  it('passes the token and the handshake to validateToken, and returns its user at once', () => {
    const calls: unknown[] = [];
    setUp({
      validateToken: (...given) => {
        calls.push(given);
        return { id: 'alice' };
      },
    });
    expect(authenticator.authenticate('token', handshake)).toEqual({
      user: { id: 'alice' },
      expiresAt: clock.now() + DAY,
    });
    expect(calls).toEqual([['token', handshake]]);
  });

  it.each([
    ['', 'the token is empty'],
    ['x'.repeat(MAX_TOKEN_LENGTH + 1), `the token has more than ${MAX_TOKEN_LENGTH} characters`],
  ])('rejects a token of invalid length without calling validateToken', async (token, reason) => {
    let calls = 0;
    setUp({
      validateToken: () => {
        calls++;
        return { id: 'alice' };
      },
    });
    await expect(authenticate(token)).rejects.toMatchObject({ code: 'AUTH_FAILED', reason });
    expect(calls).toBe(0);
    expect(await outcome('x'.repeat(MAX_TOKEN_LENGTH))).toBe('alice');
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'no user: undefined'],
    ['null', null, 'no user: null'],
    ['false', false, 'no user: false'],
    ['true', true, 'the user is a boolean and must be an object'],
    ['a string', 'alice', 'the user is a string and must be an object'],
    ['an empty object', {}, 'the user has no id'],
    ['an undefined id', { id: undefined }, 'the user has no id'],
    [
      'an id under another name',
      { name: 'a', userId: 7 },
      'the user has no id but has userId: map it by toUser, such as toUser: user => ({ id: user.userId })',
    ],
    ...['sub', 'uid', '_id', 'user_id'].map(
      name =>
        [`an id under ${name}`, { [name]: 1 }, `but has ${name}`] as [string, unknown, string],
    ),
    ['an empty id', { id: '' }, 'id of the user must be a whole number, or a string of 1 to 256'],
    ['an id of 257 characters', { id: 'x'.repeat(257) }, 'id of the user must be'],
    ['an id with a lone surrogate', { id: 'a\ud800' }, 'id of the user must be'],
    ['half an id', { id: 1.5 }, 'id of the user must be'],
    ['an id that is an object', { id: {} }, 'id of the user must be'],
    ['a numeric session id', { id: 'a', sessionId: 7 }, 'sessionId of the user must be a string'],
    ['an empty session id', { id: 'a', sessionId: '' }, 'sessionId of the user must be a string'],
    ['an issue time that is text', { id: 'a', issuedAt: '1' }, 'issuedAt of the user must be'],
    [
      'an issue time that is a date',
      { id: 'a', issuedAt: new Date() },
      'issuedAt of the user must',
    ],
    ['an issue time that is NaN', { id: 'a', issuedAt: NaN }, 'issuedAt of the user must be'],
    ['an infinite issue time', { id: 'a', issuedAt: Infinity }, 'issuedAt of the user must be'],
    ['an issue time that is null', { id: 'a', issuedAt: null }, 'issuedAt of the user must be'],
    ['an end in the past', { id: 'a', expiresAt: 1 }, 'expiresAt of the user is in the past'],
    ['an end that is NaN', { id: 'a', expiresAt: NaN }, 'expiresAt of the user is in the past'],
  ])('rejects a token if validateToken returns %s, and says why', async (_, user, reason) => {
    const rejection = { code: 'AUTH_FAILED', reason: expect.stringContaining(reason) as string };
    await expect(answering(user)).rejects.toMatchObject(rejection);
    await expect(answering(Promise.resolve(user))).rejects.toMatchObject(rejection);
  });

  it.each<unknown>([
    { id: 'x'.repeat(256) },
    { id: 0 },
    { id: 'é', sessionId: undefined },
    { id: 'a', sessionId: 's' },
    { id: 'a', issuedAt: undefined },
    { id: 'a', issuedAt: -0.5 },
  ])('accepts the user %j', async user => {
    expect((await answering(user)).user).toBe(user);
  });

  it('ends a session when the user says, and after auth.maxSessionAge at the latest', async () => {
    const endOf = async (expiresAt: number) => (await answering({ id: 'a', expiresAt })).expiresAt;
    expect(await endOf(clock.now() + 1)).toBe(clock.now() + 1);
    expect(await endOf(Infinity)).toBe(clock.now() + DAY);
    await expect(answering({ id: 'a', expiresAt: clock.now() })).rejects.toMatchObject({
      code: 'AUTH_FAILED',
    });
  });

  it.each<[string, Error, string, string | undefined]>([
    ['an error', new Error('canary'), 'UNAVAILABLE', 'auth.validateToken: Error'],
    ['an exception of Nest', new WsException('no'), 'AUTH_FAILED', 'auth.validateToken: '],
    ['its own rejection', new RefusalError('AUTH_FAILED', { reason: 'own' }), 'AUTH_FAILED', 'own'],
    ['its own outage', new RefusalError('UNAVAILABLE', { reason: 'db' }), 'UNAVAILABLE', 'db'],
    ['another code', new RefusalError('FORBIDDEN', { reason: 'x' }), 'AUTH_FAILED', 'x'],
    ['another code alone', new RefusalError('FORBIDDEN'), 'AUTH_FAILED', 'FORBIDDEN'],
    [
      'the outage of a protection',
      new RefusalException('UNAVAILABLE', { reason: 'db' }),
      'UNAVAILABLE',
      'db',
    ],
    [
      'such an outage without a reason',
      new RefusalException('UNAVAILABLE'),
      'UNAVAILABLE',
      'auth.validateToken: ',
    ],
    ['its own limit', new RefusalError('RATE_LIMITED'), 'UNAVAILABLE', 'RATE_LIMITED'],
    ['a service that limits', new HttpException('x', 429), 'UNAVAILABLE', 'HttpException'],
    ['a late service', new RequestTimeoutException(), 'UNAVAILABLE', 'RequestTimeoutException'],
    ['a service that rejects', new HttpException('x', 404), 'AUTH_FAILED', 'HttpException'],
  ])('answers %s of validateToken with a verdict or an outage', async (_, error, code, reason) => {
    const failures: (() => unknown)[] = [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ];
    for (const fail of failures) {
      setUp({ validateToken: fail as ValidateToken });
      await expect(authenticate('token')).rejects.toMatchObject({
        code,
        reason: expect.stringContaining(reason ?? '') as string,
      });
    }
    const logged = log.filter(({ level }) => level === 'error').map(({ text }) => text);
    // An error without a code of ours says that something is broken.
    const isFailure = code === 'UNAVAILABLE' && !('code' in error);
    expect(logged).toHaveLength(isFailure ? 2 : 0);
    expect(reported).toEqual(isFailure ? [['auth.validateToken', error]] : []);
    expect(logged.join()).not.toContain('canary');
  });

  it('answers UNAVAILABLE if validateToken takes longer than auth.timeout', async () => {
    setUp({ validateToken: () => new Promise(() => undefined) });
    await expect(authenticate('token')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('waits for validateToken until auth.timeout, and for log-outs of other nodes a second longer', async () => {
    jest.useFakeTimers();
    try {
      setUp({ validateToken: () => new Promise(resolve => setTimeout(resolve, 19, { id: 'a' })) });
      const accepted = outcome('token');
      await jest.advanceTimersByTimeAsync(19);
      expect(await accepted).toBe('a');
      bus.loggedOutAt = () => new Promise(() => undefined);
      const rejected = expect(authenticate('token')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        reason: 'the validation does not answer',
      });
      await jest.advanceTimersByTimeAsync(1_020);
      await rejected;
    } finally {
      jest.useRealTimers();
    }
  });

  it('does not turn an unexpected error into a verdict', async () => {
    setUp({ validateToken: () => ({ id: 'a' }) });
    const error = new TypeError('unexpected');
    sessions.problem = () => {
      throw error;
    };
    await expect(authenticate('token')).rejects.toBe(error);
    sessions.problem = () => Promise.reject(error);
    await expect(authenticate('token')).rejects.toBe(error);
  });

  it('measures every authentication and every renewal', async () => {
    setUp({ validateToken: () => ({ id: 'a' }) });
    await authenticate('token');
    expect(timed).toEqual(['authentication']);
    await authenticator.renew('token', handshake, { id: 'a' });
    expect(timed).toEqual(['authentication', 'authentication']);
  });

  it('rejects a session that has ended, even during the validation or on another node', async () => {
    const user = { id: 'alice', sessionId: 's' };
    let during: () => void = () => undefined;
    setUp({
      validateToken: async () => {
        await Promise.resolve();
        during();
        return user;
      },
    });
    expect(await outcome('token')).toBe('alice');
    during = () => void sessions.end('s');
    await expect(authenticate('token')).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      reason: 'the session was ended',
    });
    setUp({ validateToken: () => user });
    bus.loggedOutAt = kind => Promise.resolve(kind === 'session' ? 0 : undefined);
    await expect(authenticate('token')).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      reason: 'the session was ended',
    });
  });

  it.each([
    ['without an issue time', undefined, /no issue time/],
    ['that was issued before', 0, /after this token was issued/],
    ['that was issued at the same time', 1, /after this token was issued/],
  ])(
    'rejects a token %s after a log-out of its user, even during the validation or on another node',
    async (_, issued, reason) => {
      const at = clock.now();
      const user = { id: 7, issuedAt: issued === undefined ? undefined : at - 1 + issued };
      let during: () => void = () => undefined;
      const rejection = {
        code: 'AUTH_FAILED',
        reason: expect.stringMatching(reason) as string,
      };
      setUp({
        validateToken: async () => {
          await Promise.resolve();
          during();
          return user;
        },
      });
      expect(await outcome('token')).toBe(7);
      during = () => void sessions.endUser('7');
      await expect(authenticate('token')).rejects.toMatchObject(rejection);
      during = () => undefined;
      const renewed = Promise.resolve(authenticator.renew('token', handshake, user));
      await expect(renewed).rejects.toMatchObject(rejection);
      setUp({ validateToken: () => user });
      sessions.endUser(7);
      expect(() => authenticator.renew('token', handshake, user)).toThrow(
        expect.objectContaining(rejection) as Error,
      );
      setUp({ validateToken: () => user });
      bus.loggedOutAt = kind => Promise.resolve(kind === 'user' ? at : undefined);
      await expect(authenticate('token')).rejects.toMatchObject(rejection);
      setUp({ validateToken: () => ({ ...user, issuedAt: at + 1 }) });
      sessions.endUser(7);
      bus.loggedOutAt = kind => Promise.resolve(kind === 'user' ? at : undefined);
      expect(await outcome('token')).toBe(7);
    },
  );

  it('counts rejected tokens per address before it calls validateToken', async () => {
    let calls = 0;
    setUp({
      validateToken: token => {
        calls++;
        return token === 'good' ? { id: 'alice' } : null;
      },
    });
    for (let failed = 0; failed < BURST; failed++) expect(await outcome('bad')).toBe('AUTH_FAILED');
    expect(await outcome('good')).toBe('RATE_LIMITED');
    expect(calls).toBe(BURST);
    expect(await outcome('good', elsewhere)).toBe('alice');
    const alice = { id: 'alice' };
    expect(authenticator.renew('good', handshake, alice)).toMatchObject({ user: { id: 'alice' } });
    expect(() => authenticator.renew('bad', handshake, alice)).toThrow(RefusalError);
  });

  it.each(['bad', 'good'])('counts a rejected renewal like a rejected log-in: %s', async token => {
    setUp({ validateToken: given => (given === 'good' ? { id: 'alice' } : null) });
    // The token of another user counts, too: otherwise a client could find out that it has guessed one.
    for (let failed = 0; failed < BURST; failed++)
      expect(() => authenticator.renew(token, handshake, { id: 'mallory' })).toThrow(
        expect.objectContaining({ code: 'AUTH_FAILED' }) as Error,
      );
    expect(await outcome('good')).toBe('RATE_LIMITED');
    expect(await outcome('good', elsewhere)).toBe('alice');
  });

  it('does not count a rejected renewal by a signed token, which no client can guess', async () => {
    setUp({ jwt: { secret: SECRET } });
    for (let failed = 0; failed <= BURST; failed++)
      expect(() => authenticator.renew('bad', handshake, { id: 'alice' })).toThrow(RefusalError);
    expect(await outcome('bad')).toBe('AUTH_FAILED');
  });

  it('does not count attempts that could not be checked', async () => {
    setUp({
      validateToken: () => {
        throw new Error('down');
      },
    });
    for (let failed = 0; failed < 3 * BURST; failed++)
      expect(await outcome('token')).toBe('UNAVAILABLE');
  });

  it('accepts a valid ticket although its address has failed too often, once', async () => {
    setUp({ validateToken: () => null });
    const { ticket } = tickets.issue({ id: 'alice' });
    for (let failed = 0; failed <= BURST; failed++) await outcome('bad');
    expect(await outcome('bad')).toBe('RATE_LIMITED');
    expect(await outcome(ticket)).toBe('alice');
    expect(await outcome(ticket)).toBe('AUTH_FAILED');
  });

  it('does not consume a ticket of an ended session or of a user whose session has expired', async () => {
    setUp({ validateToken: () => null });
    const over = tickets.issue({ id: 'alice', expiresAt: clock.now() }).ticket;
    expect(await outcome(over)).toBe('AUTH_FAILED');
    sessions.end('s');
    const ended = tickets.issue({ id: 'alice', sessionId: 's' }).ticket;
    expect(await outcome(ended)).toBe('AUTH_FAILED');
    expect([tickets.revoke(over), tickets.revoke(ended)]).toEqual([true, true]);
  });

  it('rejects the earlier tickets of a user who was logged out, and of a session that is older', async () => {
    setUp({ validateToken: () => null });
    const at = clock.now();
    const early = tickets.issue({ id: 'alice' }).ticket;
    sessions.endUser('alice');
    clock.advance(1);
    expect(await outcome(early)).toBe('AUTH_FAILED');
    expect(tickets.revoke(early)).toBe(true);
    expect(await outcome(tickets.issue({ id: 'alice', issuedAt: at }).ticket)).toBe('AUTH_FAILED');
    expect(await outcome(tickets.issue({ id: 'alice', issuedAt: at + 1 }).ticket)).toBe('alice');
    expect(await outcome(tickets.issue({ id: 'alice' }).ticket)).toBe('alice');
  });

  describe('with JSON Web Tokens', () => {
    const sign = (claims: object, secret = SECRET) =>
      jwt.sign({ sub: 'alice', exp: clock.now() / 1000 + 60, ...claims }, { secret });

    it('accepts a valid token although its address has failed too often', async () => {
      setUp({ jwt: { secret: SECRET } });
      for (let failed = 0; failed < BURST; failed++)
        expect(await outcome(sign({}, 'x'.repeat(40)))).toBe('AUTH_FAILED');
      expect(await outcome(sign({}, 'x'.repeat(40)))).toBe('RATE_LIMITED');
      expect(await outcome(sign({}, 'x'.repeat(40)), elsewhere)).toBe('AUTH_FAILED');
      expect(await outcome(sign({}))).toBe('alice');
    });

    it('calls toUser and keyProvider, and answers UNAVAILABLE if one fails', async () => {
      setUp({ jwt: { secret: SECRET, toUser: ({ sub }) => ({ id: `user-${sub}` }) } });
      expect(await outcome(sign({}))).toBe('user-alice');
      setUp({ jwt: { secret: SECRET, toUser: () => null } });
      expect(await outcome(sign({}))).toBe('AUTH_FAILED');
      const fail = () => {
        throw new Error('down');
      };
      setUp({ jwt: { secret: SECRET, toUser: fail } });
      await expect(authenticate(sign({}))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        reason: 'auth.jwt.toUser: Error was thrown',
      });
      setUp({ jwt: { keyProvider: fail, algorithms: ['HS256'] } });
      await expect(authenticate(sign({}))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        reason: 'auth.jwt.keyProvider: Error was thrown',
      });
      setUp({ jwt: { keyProvider: () => SECRET, algorithms: ['HS256'] } });
      expect(await outcome(sign({}))).toBe('alice');
    });
  });

  describe('with an OpenID Connect provider', () => {
    const issued = { iss: 'https://issuer.example', aud: 'me', sub: 'alice', exp: 1e10 };
    const provider = { issuer: issued.iss, audience: issued.aud };
    const joseAnswering = (jwtVerify: OidcLibrary['jwtVerify']) =>
      ({
        decodeJwt: () => issued,
        jwtVerify,
        createLocalJWKSet: () => () => undefined,
      }) as unknown as OidcLibrary;
    const jose = joseAnswering(() => Promise.resolve({ payload: issued, protectedHeader: {} }));

    it('does not start without jose', () => {
      expect(() => {
        setUp({ oidc: provider });
      }).toThrow(new TypeError('auth.oidc needs OIDC_LIBRARY'));
    });

    it('accepts the tokens of the provider, and calls toUser if there is one', async () => {
      setUp({ oidc: provider }, jose);
      expect(await outcome('token')).toBe('alice');
      setUp({ oidc: { ...provider, toUser: ({ sub }) => ({ id: `user-${sub}` }) } }, jose);
      expect(await outcome('token')).toBe('user-alice');
      setUp({ oidc: { ...provider, toUser: () => null } }, jose);
      expect(await outcome('token')).toBe('AUTH_FAILED');
    });

    it('answers UNAVAILABLE if toUser fails or the provider does not answer', async () => {
      const fail = () => {
        throw new Error('down');
      };
      setUp({ oidc: { ...provider, toUser: fail } }, jose);
      await expect(authenticate('token')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        reason: 'auth.oidc.toUser: Error was thrown',
      });
      setUp(
        { oidc: provider },
        joseAnswering(() => new Promise(() => undefined)),
      );
      await expect(authenticate('token')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        reason: 'auth.oidc: Error was thrown',
      });
    });
  });
});
