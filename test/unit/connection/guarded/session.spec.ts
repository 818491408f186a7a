import { Logger } from '@nestjs/common';
import type { AuthenticatedSession } from '../../../../lib/auth/index.js';
import { type AuthOutcome, Session } from '../../../../lib/connection/guarded/session.js';
import type { ServedEndpoint } from '../../../../lib/connection/guarded/served-endpoint.js';
import type { Client, ConnectionSlot } from '../../../../lib/connection/index.js';
import type { MaybePromise } from '../../../../lib/maybe-promise.js';
import { type Code, RefusalError } from '../../../../lib/protocol/index.js';
import { BroadcastSigner, EventSigner } from '../../../../lib/signing/index.js';
import { FakeClock } from '../../../helpers/fake-clock.js';
import { captureLog } from '../../../helpers/log-capture.js';
import { resolvedOptions } from '../../../helpers/resolved-options.js';
import { clientAt } from '../../../helpers/ws-context.js';

const TIMEOUT = 5_000;
const HOUR = 3_600_000;
const options = resolvedOptions({ auth: { validateToken: () => null, timeout: TIMEOUT } });

const EXPIRED = {
  end: 'SESSION_EXPIRED',
  reason: 'the token has expired, or auth.maxSessionAge is over',
};

describe('a session', () => {
  let clock: FakeClock;
  let client: Client;
  let session: Session;
  let calls: unknown[];
  let validate: (token: string) => MaybePromise<AuthenticatedSession>;
  let hasRoom: () => MaybePromise<boolean>;
  let disconnected: (begunAt: number) => Code | undefined;
  let problem: string | undefined;
  let canListen: boolean;
  let signer: Pick<EventSigner, 'sessionKeyOf'>;
  const broadcasts = new BroadcastSigner();
  const connection = { isOpen: true, isOpenToAll: false };
  const disconnects = {
    latest: 7,
    codeSince: (begunAt: number) => disconnected(begunAt),
  };

  const sessionOf = (
    id: string | number,
    expiresAt = clock.now() + HOUR,
  ): AuthenticatedSession => ({
    user: { id },
    expiresAt,
  });

  beforeEach(() => {
    captureLog();
    clock = new FakeClock();
    client = clientAt('192.0.2.1');
    calls = [];
    validate = token => sessionOf(token);
    hasRoom = () => true;
    disconnected = () => undefined;
    problem = undefined;
    canListen = false;
    signer = new EventSigner(options, clock);
    Object.assign(connection, { isOpen: true, isOpenToAll: false });
    Object.assign(disconnects, { latest: 7 });
    const services = {
      clock,
      options,
      get signer() {
        return signer;
      },
      broadcasts,
      hub: {
        get isOpen() {
          return canListen;
        },
      },
      logger: new Logger('test'),
      errors: { report: (error: unknown) => calls.push(['reported', error]) },
      sessions: { knownProblem: () => problem },
      authenticator: {
        authenticate: (token: string) => {
          calls.push(`authenticate ${token}`);
          return validate(token);
        },
        renew: (token: string) => {
          calls.push(`renew ${token}`);
          return validate(token);
        },
      },
      connections: {
        disconnects,
        claimUser: (_: ConnectionSlot, id: unknown) => {
          calls.push(`claim ${String(id)}`);
          return hasRoom();
        },
      },
    };
    session = new Session({
      client,
      slot: {} as ConnectionSlot,
      get isOpen() {
        return connection.isOpen;
      },
      get endpoint() {
        return { services, isOpenToAll: connection.isOpenToAll } as unknown as ServedEndpoint;
      },
    });
  });

  /** Sends a token. @returns the outcome, or undefined while there is none */
  const authenticate = (token: string) => {
    const outcomes: AuthOutcome[] = [];
    session.authenticate(token, outcome => outcomes.push(outcome));
    expect(outcomes.length).toBeLessThanOrEqual(1);
    return { outcomes, outcome: outcomes[0] };
  };
  const refusalOf = (outcome: AuthOutcome | undefined) => {
    if (!outcome || 'welcome' in outcome) return outcome;
    const { code, retryAfter, reason } = outcome.refusal;
    return { code, retryAfter, reason, isFinal: outcome.isFinal };
  };
  const welcome = {
    welcome: expect.objectContaining({ type: 'auth_success' }) as unknown,
    hasLostRole: false,
  };
  const pending = <T>() => {
    let settle: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;
    const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
    return { promise, ...settle! };
  };
  const turn = () => new Promise(setImmediate);

  it('begins with a valid token, and confirms user, end and keys', () => {
    const { outcome } = authenticate('alice');
    expect(outcome).toEqual({
      hasLostRole: false,
      welcome: {
        type: 'auth_success',
        client_id: client.id,
        user_id: 'alice',
        expires_at: new Date(clock.now() + HOUR).toISOString(),
        signing: {
          scheme: 'v1',
          key_id: signer.sessionKeyOf(client).id,
          key: signer.sessionKeyOf(client).key.export().toString('base64url'),
          broadcast: undefined,
        },
      },
    });
    expect(client.user).toEqual({ id: 'alice' });
    expect(client.expiresAt).toBe(clock.now() + HOUR);
    expect(calls).toEqual(['authenticate alice', 'claim alice']);
  });

  it('has the key of broadcasts only if clients may subscribe', () => {
    canListen = true;
    const { outcome } = authenticate('alice');
    const { id, publicKey } = broadcasts.key;
    expect(outcome).toMatchObject({
      welcome: { signing: { broadcast: { scheme: 'v1e', key_id: id, public_key: publicKey } } },
    });
  });

  it('is renewed by a token of the same user only', () => {
    authenticate('7');
    validate = () => sessionOf(7, clock.now() + 2 * HOUR);
    expect(authenticate('new').outcome).toEqual(welcome);
    expect(client.expiresAt).toBe(clock.now() + 2 * HOUR);
    validate = () => sessionOf('bob');
    expect(refusalOf(authenticate('bob').outcome)).toMatchObject({
      code: 'AUTH_FAILED',
      reason: 'the new token is of another user',
      isFinal: false,
    });
    expect(calls).toEqual(['authenticate 7', 'claim 7', 'renew new', 'claim 7', 'renew bob']);
    expect(client.user).toEqual({ id: 7 });
  });

  it('of another user does not begin, even if the client got a user while the store was asked', async () => {
    const { promise, resolve } = pending<boolean>();
    hasRoom = () => promise;
    const { outcomes } = authenticate('alice');
    client.authenticateAs({ id: 'bob' }, Infinity);
    resolve(true);
    await turn();
    expect(refusalOf(outcomes[0])).toMatchObject({ code: 'AUTH_FAILED', isFinal: false });
    expect(client.user).toEqual({ id: 'bob' });
  });

  it.each<[error: () => Error, code: Code, isFinal: boolean]>([
    [() => new RefusalError('AUTH_FAILED'), 'AUTH_FAILED', false],
    [() => new RefusalError('RATE_LIMITED'), 'RATE_LIMITED', true],
    [() => new RefusalError('UNAVAILABLE'), 'UNAVAILABLE', true],
    [() => new TypeError('fault'), 'INTERNAL', false],
  ])('does not begin if the token is refused: %p', async (make, code, isFinal) => {
    for (const isLate of [false, true]) {
      const error = make();
      validate = () => {
        if (isLate) return Promise.reject(error);
        throw error;
      };
      const { outcomes } = authenticate('alice');
      await turn();
      await turn();
      expect(outcomes.map(refusalOf)).toEqual([expect.objectContaining({ code, isFinal })]);
      expect(client.user).toBeUndefined();
      expect(calls.some(call => Array.isArray(call))).toBe(code === 'INTERNAL');
    }
  });

  it('that a refused renewal does not end stays open', () => {
    authenticate('alice');
    validate = () => {
      throw new RefusalError('UNAVAILABLE');
    };
    expect(refusalOf(authenticate('x').outcome)).toMatchObject({
      code: 'UNAVAILABLE',
      isFinal: false,
    });
    expect(session.due()).toBeUndefined();
  });

  it.each([false, true])('validates one token at a time (renewal: %s)', async isRenewal => {
    if (isRenewal) authenticate('alice');
    const { promise, resolve } = pending<AuthenticatedSession>();
    validate = () => promise;
    const { outcomes } = authenticate('alice');
    expect(refusalOf(authenticate('alice').outcome)).toMatchObject({
      code: isRenewal ? 'RATE_LIMITED' : 'AUTH_FAILED',
      reason: 'another token is still being validated',
      isFinal: false,
    });
    resolve(sessionOf('alice'));
    await turn();
    await turn();
    expect(outcomes).toEqual([welcome]);
    validate = () => sessionOf('alice');
    expect(authenticate('alice').outcome).toEqual(welcome);
  });

  it('does not begin if the user has too many connections', () => {
    hasRoom = () => false;
    expect(refusalOf(authenticate('alice').outcome)).toMatchObject({
      code: 'RATE_LIMITED',
      reason: 'the user has connection.maxConnectionsPerUser connections',
      isFinal: true,
    });
    expect(client.user).toBeUndefined();
  });

  it('does not begin if the connection has ended while the token was validated', async () => {
    const { promise, resolve } = pending<boolean>();
    hasRoom = () => promise;
    const { outcomes } = authenticate('alice');
    connection.isOpen = false;
    resolve(true);
    await turn();
    expect(outcomes).toEqual([]);
    expect(client.user).toBeUndefined();
  });

  it('does not begin if the user was disconnected since the validation began', async () => {
    const { promise, resolve } = pending<AuthenticatedSession>();
    validate = () => promise;
    disconnected = begunAt => (begunAt === 7 ? 'REVOKED' : undefined);
    const { outcomes } = authenticate('alice');
    disconnects.latest = 8;
    resolve(sessionOf('alice'));
    await turn();
    expect(refusalOf(outcomes[0])).toMatchObject({ code: 'REVOKED', isFinal: true });
    expect(client.user).toBeUndefined();
  });

  it('does not begin if the session was logged out while the store was asked', () => {
    problem = 'the session was ended';
    expect(refusalOf(authenticate('alice').outcome)).toMatchObject({
      code: 'AUTH_FAILED',
      reason: 'the session was ended',
      isFinal: false,
    });
    expect(client.user).toBeUndefined();
  });

  it('does not begin if no signing key is in force', () => {
    signer = {
      sessionKeyOf: () => {
        throw new RefusalError('UNAVAILABLE');
      },
    };
    expect(refusalOf(authenticate('alice').outcome)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(client.user).toBeUndefined();
  });

  it('is renewed at most 32 times at once, and then every two seconds', () => {
    authenticate('alice');
    for (let n = 0; n < 32; n++) expect(authenticate('alice').outcome).toEqual(welcome);
    const isRefused = () => 'refusal' in authenticate('alice').outcome!;
    expect(refusalOf(authenticate('alice').outcome)).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfter: 2_000,
      reason: 'the session is renewed too often',
      isFinal: false,
    });
    clock.advance(1_990);
    expect(isRefused()).toBe(true);
    clock.advance(10);
    expect([isRefused(), isRefused()]).toEqual([false, true]);
  });

  describe('is due', () => {
    it('to end without a token in auth.timeout, unless every handler is open to all', () => {
      clock.advance(TIMEOUT - 1);
      expect(session.due()).toBeUndefined();
      clock.advance(1);
      connection.isOpenToAll = true;
      expect(session.due()).toBeUndefined();
      connection.isOpenToAll = false;
      expect(session.due()).toEqual({
        end: 'AUTH_TIMEOUT',
        reason: 'no token within auth.timeout',
      });
    });

    it('to end as an outage if the server has not validated the token in time', () => {
      validate = () => new Promise(() => undefined);
      authenticate('alice');
      clock.advance(TIMEOUT);
      expect(session.due()).toEqual({
        end: 'UNAVAILABLE',
        reason: 'the token was not validated in auth.timeout',
      });
    });

    it('to warn once 30 seconds before its end, and to end then', () => {
      authenticate('alice');
      clock.advance(HOUR - 30_001);
      expect(session.due()).toBeUndefined();
      clock.advance(1);
      expect(session.due()).toEqual({ warning: { type: 'auth_expiring', expires_in: 30 } });
      expect(session.due()).toBeUndefined();
      clock.advance(29_999);
      expect(session.due()).toBeUndefined();
      clock.advance(1);
      expect(session.due()).toEqual(EXPIRED);
    });

    it('to warn again only after a renewal that does not end soon, too', () => {
      authenticate('alice');
      clock.advance(HOUR - 20_500);
      expect(session.due()).toEqual({ warning: { type: 'auth_expiring', expires_in: 21 } });
      validate = () => sessionOf('alice', clock.now() + 30_000);
      authenticate('alice');
      expect(session.due()).toBeUndefined();
      validate = () => sessionOf('alice', clock.now() + 30_001);
      authenticate('alice');
      clock.advance(1);
      expect(session.due()).toMatchObject({ warning: { type: 'auth_expiring' } });
    });

    it('to end in time even if the clock is set back', () => {
      authenticate('alice');
      clock.advance(HOUR);
      clock.setWall(clock.now() - 2 * HOUR);
      expect(session.due()).toEqual(EXPIRED);
    });

    it('to end when the application has said, instead of the token', () => {
      authenticate('alice');
      client.authenticateAs({ id: 'alice' }, clock.now() + 2 * HOUR);
      clock.advance(HOUR + 1);
      expect(session.due()).toBeUndefined();
      clock.advance(HOUR);
      expect(session.due()).toEqual(EXPIRED);
    });
  });
});
