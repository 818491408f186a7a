import { readFileSync } from 'node:fs';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { z } from 'zod';
import { EventData, Roles, SecureGateway, SignedEvent } from '../../lib/index.js';
import { TestApp } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class OrderGateway {
  @SubscribeMessage('order.place')
  @SignedEvent()
  place(@EventData(z.number()) data: number) {
    return data;
  }

  @SubscribeMessage('order.cancel')
  @SignedEvent()
  @Roles('admin')
  cancel() {
    return true;
  }
}

/** Returns the codes of each check in the table of PROTOCOL.md. */
function codesByCheck(): Map<number, string> {
  const rows = readFileSync('PROTOCOL.md', 'utf8').matchAll(/^\| (\d) +\| .* \| (`.*`) +\|$/gm);
  return new Map([...rows].map(([, number, codes = '']) => [Number(number), codes]));
}

it('an event that breaks several rules is rejected by the first check in PROTOCOL.md', async () => {
  const app = await TestApp.start({ gateways: [OrderGateway] });
  const client = await app.login('alice');
  const rejectionOf = async (event: Json) => {
    client.sendJson({ type: 'event', event });
    return (await client.next()).code as string;
  };
  // Each event breaks the rules of all later checks, too.
  const used = client.event('order.cancel', 'no number');
  const [forbidden, replay] = [await rejectionOf(used), await rejectionOf(used)];
  const unsigned = { ...used, semanticsignature: `${used.semanticsignature.slice(0, -3)}AAA` };
  const late = { ...unsigned, time: '2020-01-01T00:00:00Z' };
  const foreign = { ...late, source: 'user:bob' };
  const unknown = { ...foreign, type: 'order.unknown' };
  const found = [
    [2, await rejectionOf({ ...unknown, subject: 1 })],
    [3, await rejectionOf(unknown)],
    [4, await rejectionOf(foreign)],
    [5, await rejectionOf(late)],
    [6, await rejectionOf(unsigned)],
    [7, replay],
    [8, forbidden],
    [9, await rejectionOf(client.event('order.place', 'no number'))],
  ] as const;
  expect(found.map(([, code]) => code)).toEqual([
    'INVALID_EVENT',
    'UNKNOWN_EVENT',
    'FORBIDDEN',
    'EVENT_EXPIRED',
    'INVALID_SIGNATURE',
    'REPLAY_DETECTED',
    'FORBIDDEN',
    'INVALID_EVENT',
  ]);
  const codes = codesByCheck();
  for (const [check, code] of found)
    expect([check, codes.get(check)]).toEqual([check, expect.stringContaining(code)]);
});
