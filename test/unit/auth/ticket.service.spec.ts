import { JwtService } from '@nestjs/jwt';
import { TicketService, TicketUserError } from '../../../lib/auth/index.js';
import type { SigningKeyOptions } from '../../../lib/options/index.js';
import { signToken } from '../../../lib/auth/ticket-token.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { InMemoryNonceStore, NonceStore } from '../../../lib/replay/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { FakeServer, RemoteNonceStore } from '../../helpers/failing-stores.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog } from '../../helpers/log-capture.js';
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
    keys: SigningKeyOptions[] = [{ id: 'main', secret: MAIN_SECRET }],
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

  it('returns the user of a ticket once', () => {
    const given = { id: 7, roles: ['admin'], tenant: 'acme' };
    const { ticket, expiresIn } = tickets.issue(given);
    expect(expiresIn).toBe(30_000);
    expect(tickets.redeem(ticket, anywhere, same)).toMatchObject(given);
    expect(redeem(ticket)).toBe('AUTH_FAILED');
  });

  it('has the issue time of its user, or its own', () => {
    clock.advance(123);
    const issuedAt = clock.now();
    const [stated, own] = [tickets.issue({ id: 'alice', issuedAt: 7 }), tickets.issue(user)];
    clock.advance(1_000);
    const redeemed = [stated, own].map(({ ticket }) => tickets.redeem(ticket, anywhere, same));
    expect(redeemed).toEqual([
      { id: 'alice', issuedAt: 7 },
      { id: 'alice', issuedAt },
    ]);
  });

  it('issues a different ticket each time', () => {
    const issued = Array.from({ length: 100 }, () => tickets.issue(user).ticket);
    expect(new Set(issued).size).toBe(100);
  });

  it('accepts a ticket that is bound to nothing from any origin and address', () => {
    const peer = { origin: 'https://app.example', address: '192.0.2.1' };
    expect(redeem(tickets.issue(user).ticket, peer)).toBeUndefined();
  });

  it.each([
    ['another origin', { origin: 'https://evil.example', address: '192.0.2.1' }],
    ['no origin', { address: '192.0.2.1' }],
    ['another address', { origin: 'https://app.example', address: '192.0.2.2' }],
    ['nowhere', {}],
  ])('rejects a bound ticket from %s and does not consume it', (_, peer) => {
    const bound = { origin: 'https://app.example', address: '192.0.2.1' };
    const { ticket } = tickets.issue(user, bound);
    expect(redeem(ticket, peer)).toBe('AUTH_FAILED');
    expect(nonces.size).toBe(0);
    expect(redeem(ticket, bound)).toBeUndefined();
  });

  it.each([
    ['the same IPv4 address', '192.0.2.1', '192.0.2.1', true],
    ['another IPv4 address', '192.0.2.1', '192.0.2.2', false],
    ['the same address, mapped into IPv6', '192.0.2.1', '::ffff:192.0.2.1', true],
    ['another address, mapped into IPv6', '192.0.2.1', '::ffff:192.0.2.2', false],
    ['another address of the same /64', '2001:db8:1:2::7', '2001:db8:1:2::8', true],
    ['another /64', '2001:db8:1:2::7', '2001:db8:1:3::7', false],
    ['IPv6, after a fetch by IPv4', '203.0.113.7', '2001:db8:1:2::7', true],
    ['IPv4, after a fetch by IPv6', '2001:db8:1:2::7', '203.0.113.7', true],
  ])('accepts or rejects a ticket bound to an address from %s', (_, from, to, isAccepted) => {
    const { ticket } = tickets.issue(user, { address: from });

    expect(redeem(ticket, { address: to })).toBe(isAccepted ? undefined : 'AUTH_FAILED');
  });

  it('does not consume a ticket if the caller rejects it', () => {
    const { ticket } = tickets.issue(user);
    const veto = () => {
      throw new Error('not now');
    };
    expect(() => tickets.redeem(ticket, anywhere, veto)).toThrow('not now');
    expect(redeem(ticket)).toBeUndefined();
  });

  it('accepts a ticket until its lifetime ends, and not after', () => {
    const [good, late] = [tickets.issue(user).ticket, tickets.issue(user).ticket];
    clock.advance(29_999);
    expect(redeem(good)).toBeUndefined();
    clock.advance(1);
    expect(redeem(late)).toBe('AUTH_FAILED');
  });

  it('does not accept a used ticket again after the clock was set back', () => {
    const { ticket } = tickets.issue(user);
    const issuedAt = clock.now();
    redeem(ticket);
    clock.advance(31_000);
    expect(redeem(tickets.issue(user).ticket)).toBeUndefined();
    for (let use = 0; use < 10; use++) nonces.use(`sweep-${use}`, clock.now() + 1);
    clock.setWall(issuedAt);
    expect(redeem(ticket)).toBe('AUTH_FAILED');
  });

  it('revokes a ticket before it is used, but not after', () => {
    const [one, other] = [tickets.issue(user).ticket, tickets.issue(user).ticket];
    expect(tickets.revoke(one)).toBe(true);
    expect(redeem(one)).toBe('AUTH_FAILED');
    expect(tickets.revoke(one)).toBe(false);
    redeem(other);
    expect(tickets.revoke(other)).toBe(false);
    expect(tickets.revoke('ticket.nonsense')).toBe(false);
  });

  it('accepts a ticket after a rotation while its key is in the ring', () => {
    const OLD = { id: 'old', secret: 'old-secret-of-at-least-32-bytes!!' };
    const NEW = { id: 'new', secret: 'new-secret-of-at-least-32-bytes!!' };
    const { ticket } = serviceWith([OLD]).issue(user);
    expect(redeem(ticket, anywhere, serviceWith([NEW]))).toBe('AUTH_FAILED');
    expect(redeem(ticket, anywhere, serviceWith([NEW, { ...OLD, secret: MAIN_SECRET }]))).toBe(
      'AUTH_FAILED',
    );
    expect(redeem(ticket, anywhere, serviceWith([NEW, OLD]))).toBeUndefined();
  });

  it('rejects a ticket whose key is no longer in force', () => {
    const notAfter = new Date(clock.now() + 1_000);
    tickets = serviceWith([
      { id: 'main', secret: MAIN_SECRET, notAfter },
      { id: 'new', secret: 'n'.repeat(32) },
    ]);
    const [good, late] = [tickets.issue(user).ticket, tickets.issue(user).ticket];
    clock.advance(1_000);
    expect(redeem(good)).toBeUndefined();
    clock.advance(1);
    expect(redeem(late)).toBe('AUTH_FAILED');
  });

  it.each(['', 'ticket.', 'ticket.a.b.c', 'ticket.....', `ticket.${'a'.repeat(8_000)}`])(
    'rejects %.30j',
    nonsense => {
      expect(redeem(nonsense)).toBe('AUTH_FAILED');
    },
  );

  it('rejects a ticket with any one character changed', () => {
    const { ticket } = tickets.issue(user);
    for (let at = 0; at < ticket.length; at++) {
      const other = ticket[at] === 'A' ? 'B' : 'A';
      // The unused bits of the last character may be spelled in several ways, and the ticket stays
      // the same.
      if (at !== ticket.length - 1)
        expect(redeem(ticket.slice(0, at) + other + ticket.slice(at + 1))).toBe('AUTH_FAILED');
    }
    expect(redeem(ticket)).toBeUndefined();
  });

  it.each([
    ['of the ring key itself', MAIN_SECRET, 'HS256', 'ticket+jwt'],
    ['of no algorithm', '', 'none', 'ticket+jwt'],
  ])('rejects a token signed with %s', (_, secret, algorithm, typ) => {
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

  it('rejects tickets that a full store may have dropped after use', () => {
    const service = serviceWith(undefined, new InMemoryNonceStore(1, clock));
    const [first, second] = [service.issue(user).ticket, service.issue(user).ticket];
    expect(redeem(first, anywhere, service)).toBeUndefined();
    expect(redeem(second, anywhere, service)).toBe('AUTH_FAILED');
    clock.advance(1);
    const { ticket } = service.issue(user);
    expect(redeem(ticket, anywhere, service)).toBeUndefined();
    for (const used of [first, ticket]) expect(redeem(used, anywhere, service)).toBe('AUTH_FAILED');
  });

  it('rejects a ticket that was issued before the process started', () => {
    const { ticket } = serviceWith(undefined, nonces).issue(user);
    clock.advance(1);
    const restarted = serviceWith(undefined, new InMemoryNonceStore(1_000, clock));
    expect(redeem(ticket, anywhere, restarted)).toBe('AUTH_FAILED');
    expect(redeem(restarted.issue(user).ticket, anywhere, restarted)).toBeUndefined();
  });

  it('works with an asynchronous store', async () => {
    class LaterStore extends NonceStore {
      use = (key: string, expiresAt: number) => Promise.resolve(nonces.use(key, expiresAt));
    }
    const service = serviceWith(undefined, new LaterStore());
    const { ticket } = service.issue(user);
    expect(await service.redeem(ticket, anywhere, same)).toMatchObject(user);
    await expect(service.redeem(ticket, anywhere, same)).rejects.toMatchObject({
      code: 'AUTH_FAILED',
    });
  });

  it('rejects a ticket that was issued before the store lost its data', async () => {
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
    expect(await service.redeem(service.issue(user).ticket, anywhere, same)).toMatchObject(user);
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
    ['with an issue time that is no number', { id: 'a', issuedAt: new Date() }],
  ])('does not issue a ticket for a user %s', (_, wrong) => {
    expect(() => tickets.issue(wrong as never)).toThrow(TicketUserError);
    expect(() => tickets.issue(wrong as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_TICKET_USER' }) as Error,
    );
  });

  it('issues a ticket for the largest user that still fits an auth frame', () => {
    const { ticket } = tickets.issue({ id: 'a', note: 'x'.repeat(4_070) } as never);
    expect(ticket.length).toBeLessThan(8_000);
    expect(redeem(ticket)).toBeUndefined();
  });

  it.each([
    ['another address family', '203.0.113.7', '2001:db8:1:2::7', 'AUTH_FAILED'],
    ['another address', '203.0.113.7', '203.0.113.8', 'AUTH_FAILED'],
    ['no address', '203.0.113.7', undefined, 'AUTH_FAILED'],
    ['the same address', '203.0.113.7', '203.0.113.7', undefined],
  ])('decides about a strictly bound ticket from %s', (_, from, to, code) => {
    const { ticket } = tickets.issue(user, { address: from, isStrict: true });
    expect(redeem(ticket, { address: to })).toBe(code);
  });

  it.each<[string, () => string, object, string]>([
    ['nonsense', () => 'ticket.a.b.c', anywhere, 'no key in force has signed this ticket'],
    [
      'an expired ticket',
      () => {
        const { ticket } = tickets.issue(user);
        clock.advance(30_000);
        return ticket;
      },
      anywhere,
      'the ticket has expired (auth.ticketLifetime)',
    ],
    [
      'a used ticket',
      () => {
        const { ticket } = tickets.issue(user);
        redeem(ticket);
        return ticket;
      },
      anywhere,
      'the ticket was used before',
    ],
    [
      'a ticket of another origin',
      () => tickets.issue(user, { origin: 'https://app.example' }).ticket,
      { origin: 'https://evil.example' },
      'the ticket is bound to another origin',
    ],
    [
      'a ticket of another address',
      () => tickets.issue(user, { address: '192.0.2.1' }).ticket,
      { address: '192.0.2.2' },
      'the ticket is bound to another address (auth.ticketRoute.bind)',
    ],
  ])('reports to operators why it rejects %s', (_, ticketOf, peer, reason) => {
    const ticket = ticketOf();
    expect(() => tickets.redeem(ticket, peer, same)).toThrow(
      expect.objectContaining({ code: 'AUTH_FAILED', reason }) as Error,
    );
  });

  it('rejects a token of another audience that the key of tickets has signed', () => {
    const signer = new EventSigner(resolvedOptions(), clock);
    const tokenFor = (aud: unknown) =>
      `ticket.${signToken(
        { user, aud, jti: 'j'.repeat(32), iat: clock.now() / 1000, exp: clock.now() / 1000 + 60 },
        signer.purposeKeys('semantic-events/v1/ticket').current,
      )}`;
    expect(redeem(tokenFor('another'))).toBe('AUTH_FAILED');
    expect(redeem(tokenFor('semantic-events/ticket'))).toBeUndefined();
  });

  it('answers UNAVAILABLE while the store of used tickets is down, and consumes nothing', async () => {
    captureLog();
    const server = new FakeServer();
    const service = serviceWith(undefined, new RemoteNonceStore(server));
    const { ticket } = service.issue(user);
    server.isDown = true;
    const unavailable = { code: 'UNAVAILABLE', reason: 'the store of tickets fails' };
    await expect(service.redeem(ticket, anywhere, same)).rejects.toMatchObject(unavailable);
    await expect(service.revoke(ticket)).rejects.toMatchObject(unavailable);
    server.isDown = false;
    expect(await service.redeem(ticket, anywhere, same)).toMatchObject(user);
  });

  it('recognizes a ticket by its prefix only', () => {
    const { ticket } = tickets.issue(user);
    expect(TicketService.isTicket(ticket)).toBe(true);
    for (const other of ['ticket', 'Ticket.x', ticket.slice(1), ` ${ticket}`])
      expect(TicketService.isTicket(other)).toBe(false);
    expect(redeem(`xicket.${ticket.slice('ticket.'.length)}`)).toBe('AUTH_FAILED');
  });

  it.each<[unknown, string]>([
    [{ name: 'x' }, 'A ticket needs a user with an id: the user has no id'],
    [{ id: 'a', balance: 1n }, 'The user of a ticket must be a value that JSON can represent'],
    [
      { id: 'a', note: 'x'.repeat(4_097 - '{"id":"a","note":""}'.length) },
      'The user of a ticket may have at most 4096 bytes of JSON',
    ],
    [{ id: 'a', toJSON: () => ({}) }, 'The JSON form of the user must contain its id'],
  ])('reports why it issues no ticket (%#)', (wrong, message) => {
    expect(() => tickets.issue(wrong as never)).toThrow(
      expect.objectContaining({ name: 'TicketUserError', message }) as Error,
    );
  });

  it('issues a ticket for a user of 4096 bytes', () => {
    const note = 'x'.repeat(4_096 - '{"id":"a","note":""}'.length);
    expect(redeem(tickets.issue({ id: 'a', note } as never).ticket)).toBeUndefined();
  });
});
