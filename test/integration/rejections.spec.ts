import {
  BadRequestException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  NotFoundException,
  RequestTimeoutException,
  ServiceUnavailableException,
} from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { EventData, Rejection, SecureGateway, SignedEvent } from '../../lib/index.js';
import { TestApp } from '../helpers/test-app.js';

/** What a handler throws, by the name that a test sends. */
const THROWN: Record<string, () => unknown> = {
  rejection: () => new Rejection('out of stock', { status: 409, reason: 'out-of-stock' }),
  plainRejection: () => new Rejection('no'),
  notFound: () => new NotFoundException('order 17'),
  forbidden: () => new ForbiddenException('not your order'),
  pipe: () => new BadRequestException(['text must be a string', 'size must not be empty']),
  teapot: () => new HttpException({ message: 'short and stout', reason: 'teapot' }, 418),
  ws: () => new WsException('out of stock'),
  wsObject: () => new WsException({ message: 'gone', reason: 'gone', status: 410 }),
  tooMany: () => new HttpException('slow down', 429),
  late: () => new RequestTimeoutException(),
  unavailable: () => new ServiceUnavailableException('secret'),
  server: () => new InternalServerErrorException('secret'),
  error: () => new Error('secret'),
  guard: () => new WsException('Forbidden resource'),
};

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class ShopGateway {
  @SubscribeMessage('order')
  @SignedEvent()
  order(@EventData() name: string) {
    throw THROWN[name]?.();
  }
}

async function answerTo(name: string, options = {}) {
  const client = await (await TestApp.start({ gateways: [ShopGateway], options })).login();
  const { id } = client.emit('order', name);
  return { id, answer: await client.next() };
}

describe('an exception that an application throws on purpose', () => {
  it.each([
    ['rejection', { status: 409, message: 'out of stock', reason: 'out-of-stock' }],
    ['plainRejection', { status: 400, message: 'no' }],
    ['notFound', { status: 404, message: 'order 17' }],
    ['forbidden', { status: 403, message: 'not your order' }],
    ['pipe', { status: 400, message: 'text must be a string; size must not be empty' }],
    ['teapot', { status: 418, message: 'short and stout', reason: 'teapot' }],
    ['ws', { status: 400, message: 'out of stock' }],
    ['wsObject', { status: 410, message: 'gone', reason: 'gone' }],
  ])('as %s reaches the client with REJECTED', async (name, members) => {
    const { id, answer } = await answerTo(name);
    expect(answer).toEqual({ type: 'error', code: 'REJECTED', id, ...members });
  });
});

describe('an error that is not meant for clients', () => {
  it.each([
    ['tooMany', 'RATE_LIMITED'],
    ['late', 'UNAVAILABLE'],
    ['unavailable', 'UNAVAILABLE'],
    ['server', 'INTERNAL'],
    ['error', 'INTERNAL'],
    ['guard', 'FORBIDDEN'],
  ])('as %s is answered with %s only', async (name, code) => {
    const { answer } = await answerTo(name);
    expect(answer.code).toBe(code);
    expect(answer).not.toHaveProperty('reason');
    expect(JSON.stringify(answer)).not.toContain('secret');
  });
});

describe('errors: verbose', () => {
  it('sends the reason to the client, but never the message of an unexpected error', async () => {
    const { answer } = await answerTo('error', { errors: 'verbose' });
    expect(answer).toMatchObject({ code: 'INTERNAL', reason: 'Error was thrown' });
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it('does not change the reason of the application', async () => {
    const { answer } = await answerTo('rejection', { errors: 'verbose' });
    expect(answer.reason).toBe('out-of-stock');
  });
});

describe('Rejection', () => {
  it.each([200, 399, 500, 404.5, NaN])('rejects the status %s', status => {
    expect(() => new Rejection('x', { status })).toThrow(RangeError);
  });

  it('truncates text to 1024 characters', () => {
    const { details } = new Rejection('x'.repeat(5_000), { reason: 'y'.repeat(5_000) });
    expect(details.rejection?.message).toHaveLength(1_024);
    expect(details.rejection?.reason).toHaveLength(1_024);
  });
});
