import { JwtService } from '@nestjs/jwt';
import { TicketService, TicketUserError } from '../../../lib/auth/index.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { InMemoryNonceStore, NonceStore } from '../../../lib/replay/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';

const user = { id: 'alice' };
const anywhere = {};
const same = <T>(value: T) => value;

describe('TicketService', () => {
  let clock: FakeClock;
  let nonces: InMemoryNonceStore;
  let tickets: TicketService;

  const serviceWith = (
    keys = [{ id: 'main', secret: MAIN_SECRET }],
    store: NonceStore = nonces,
  ) => {
    const options = resolvedOptions({ signing: { keys } });
    return new TicketService(options, new EventSigner(options, clock), store, clock);
  };
  const redeem = (ticket: string, peer = anywhere, service = tickets) =>
    refusalOf(() => service.redeem(ticket, peer, same));

  beforeEach(() => {
    clock = new FakeClock();
    nonces = new InMemoryNonceStore(1_000, clock);
    tickets = serviceWith();
  });

  it('gives back the user it was issued for, once', () => {
    const given = { id: 7, roles: ['admin'], tenant: 'acme' };
    const { ticket, expiresIn } = tickets.issue(given);
    expect(expiresIn).toBe(30_000);
    expect(tickets.redeem(ticket, anywhere, same)).toEqual(given);
    expect(redeem(ticket)).toBe('AUTH_FAILED');
  });

  it('issues no two tickets alike', () => {
    const issued = Array.from({ length: 100 }, () => tickets.issue(user).ticket);
    expect(new Set(issued).size).toBe(100);
  });

  it.each([
    ['another origin', { origin: 'https://evil.example', address: '192.0.2.1' }],
    ['no origin', { address: '192.0.2.1' }],
    ['another address', { origin: 'https://app.example', address: '192.0.2.2' }],
    ['nowhere', {}],
  ])('is refused from %s when bound, and not used up by that', (_, peer) => {
    const bound = { origin: 'https://app.example', address: '192.0.2.1' };
    const { ticket } = tickets.issue(user, bound);
    expect(redeem(ticket, peer)).toBe('AUTH_FAILED');
    expect(nonces.size).toBe(0);
    expect(redeem(ticket, bound)).toBeUndefined();
  });

  it('is not used up by whoever accepts it refusing', () => {
    const { ticket } = tickets.issue(user);
    const veto = () => {
      throw new Error('not now');
    };
    expect(() => tickets.redeem(ticket, anywhere, veto)).toThrow('not now');
    expect(redeem(ticket)).toBeUndefined();
  });

  it('is worth something for its lifetime, and not a moment longer', () => {
    const [good, late] = [tickets.issue(user).ticket, tickets.issue(user).ticket];
    clock.advance(29_999);
    expect(redeem(good)).toBeUndefined();
    clock.advance(1);
    expect(redeem(late)).toBe('AUTH_FAILED');
  });

  it('stays used up when the clock is set back', () => {
    const { ticket } = tickets.issue(user);
    const issuedAt = clock.now();
    redeem(ticket);
    clock.advance(31_000);
    expect(redeem(tickets.issue(user).ticket)).toBeUndefined();
    for (let use = 0; use < 10; use++) nonces.use(`sweep-${use}`, clock.now() + 1);
    clock.setWall(issuedAt);
    expect(redeem(ticket)).toBe('AUTH_FAILED');
  });

  it('can be revoked before it is used, not after', () => {
    const [one, other] = [tickets.issue(user).ticket, tickets.issue(user).ticket];
    expect(tickets.revoke(one)).toBe(true);
    expect(redeem(one)).toBe('AUTH_FAILED');
    expect(tickets.revoke(one)).toBe(false);
    redeem(other);
    expect(tickets.revoke(other)).toBe(false);
    expect(tickets.revoke('ticket.nonsense')).toBe(false);
  });

  it('outlives a rotation while its key is in force', () => {
    const OLD = { id: 'old', secret: 'old-secret-of-at-least-32-bytes!!' };
    const NEW = { id: 'new', secret: 'new-secret-of-at-least-32-bytes!!' };
    const { ticket } = serviceWith([OLD]).issue(user);
    expect(redeem(ticket, anywhere, serviceWith([NEW]))).toBe('AUTH_FAILED');
    expect(redeem(ticket, anywhere, serviceWith([NEW, { ...OLD, secret: MAIN_SECRET }]))).toBe(
      'AUTH_FAILED',
    );
    expect(redeem(ticket, anywhere, serviceWith([NEW, OLD]))).toBeUndefined();
  });

  it.each(['', 'ticket.', 'ticket.a.b.c', 'ticket.....', `ticket.${'a'.repeat(8_000)}`])(
    'is not %.30j',
    nonsense => {
      expect(redeem(nonsense)).toBe('AUTH_FAILED');
    },
  );

  it('is not changed by a single character', () => {
    const { ticket } = tickets.issue(user);
    for (let at = 0; at < ticket.length; at++) {
      const other = ticket[at] === 'A' ? 'B' : 'A';
      // The spare bits of a last character may be spelt in several ways; the ticket stays the same one.
      if (at !== ticket.length - 1)
        expect(redeem(ticket.slice(0, at) + other + ticket.slice(at + 1))).toBe('AUTH_FAILED');
    }
    expect(redeem(ticket)).toBeUndefined();
  });

  it.each([
    ['of the ring key itself', MAIN_SECRET, 'HS256', 'ticket+jwt'],
    ['of no algorithm', '', 'none', 'ticket+jwt'],
  ])('is not a token signed by means %s', (_, secret, algorithm, typ) => {
    const token = new JwtService({}).sign(
      { user, aud: 'semantic-events/ticket', jti: 'j'.repeat(32) },
      {
        secret,
        algorithm: algorithm as 'HS256',
        expiresIn: 60,
        header: { alg: algorithm, typ, kid: 'main' },
      },
    );
    expect(redeem(`ticket.${token}`)).toBe('AUTH_FAILED');
  });

  it('lets a full store say so, and is worth something once there is room', () => {
    const full = new InMemoryNonceStore(1, clock);
    full.use('other', clock.now() + 1_000);
    const service = serviceWith(undefined, full);
    const { ticket } = service.issue(user);
    expect(redeem(ticket, anywhere, service)).toBe('UNAVAILABLE');
    clock.advance(2_000);
    expect(redeem(ticket, anywhere, service)).toBeUndefined();
  });

  it('waits for a store that answers later', async () => {
    class LaterStore extends NonceStore {
      use = (key: string, expiresAt: number) => Promise.resolve(nonces.use(key, expiresAt));
    }
    const service = serviceWith(undefined, new LaterStore());
    const { ticket } = service.issue(user);
    expect(await service.redeem(ticket, anywhere, same)).toEqual(user);
    await expect(service.redeem(ticket, anywhere, same)).rejects.toMatchObject({
      code: 'AUTH_FAILED',
    });
  });

  it('is worth nothing where the store has lost its memory since it was issued', async () => {
    let lostAt = clock.now();
    class LostStore extends NonceStore {
      use(key: string, expiresAt: number, madeAt = Infinity): Promise<boolean> {
        if (madeAt <= lostAt) return Promise.reject(new RefusalError('EVENT_EXPIRED'));
        return Promise.resolve(nonces.use(key, expiresAt));
      }
    }
    const service = serviceWith(undefined, new LostStore());
    const { ticket } = service.issue(user);
    await expect(service.redeem(ticket, anywhere, same)).rejects.toMatchObject({
      code: 'AUTH_FAILED',
    });
    lostAt = clock.now();
    clock.advance(1);
    expect(await service.redeem(service.issue(user).ticket, anywhere, same)).toEqual(user);
  });

  it.each([
    ['without an id', { name: 'x' }],
    ['that is null', null],
    ['with an empty id', { id: '' }],
    ['too large', { id: 'a', note: 'x'.repeat(4_096) }],
    ['too large in bytes', { id: 'a', note: 'é'.repeat(2_048) }],
    ['with a bigint', { id: 'a', balance: 1n }],
    ['whose JSON form is something else', { id: 'a', toJSON: () => 'a' }],
    ['with a session that has no name', { id: 'a', sessionId: 7 }],
  ])('is not issued for a user %s', (_, wrong) => {
    expect(() => tickets.issue(wrong as never)).toThrow(TicketUserError);
  });

  it('of the largest user is still a token an auth frame takes', () => {
    const { ticket } = tickets.issue({ id: 'a', note: 'x'.repeat(4_070) } as never);
    expect(ticket.length).toBeLessThan(8_000);
    expect(redeem(ticket)).toBeUndefined();
  });
});
