// One map of schemas gives server and client their types, whatever schema package is used.
import { type as arktype } from 'arktype';
import { EventData } from 'nestjs-semantic-events';
import type { EventsOf, SemanticEventsClient } from 'nestjs-semantic-events/client';
import * as v from 'valibot';
import { z } from 'zod';
import type { Equal } from './equal.js';

const EVENTS = {
  'order.place': z.object({ items: z.array(z.string()), note: z.string().optional() }),
  'order.place.reply': v.object({ id: v.string() }),
  'order.shipped': arktype({ id: 'string', 'carrier?': 'string' }),
  'order.count': z.string().transform(Number),
};
type Events = EventsOf<typeof EVENTS>;

export const order: Equal<Events['order.place'], { items: string[]; note?: string | undefined }> =
  true;
export const reply: Equal<Events['order.place.reply'], { id: string }> = true;
export const shipped: Equal<Events['order.shipped'], { id: string; carrier?: string }> = true;
// The wire type is the input of a schema, not its output.
export const count: Equal<Events['order.count'], string> = true;

declare const client: SemanticEventsClient<Events>;

export async function usesIt(): Promise<string> {
  client.subscribe('order.shipped', event => event.data.carrier?.length);
  // @ts-expect-error a member is missing
  await client.request('order.place', {});
  const { data } = await client.request('order.place', { items: ['book'] });
  return data.id;
}

// The decorators accept the same schemas.
export const checks = [
  EventData(EVENTS['order.place']),
  EventData(EVENTS['order.place.reply']),
  EventData(EVENTS['order.shipped']),
];

type NotSchemas = EventsOf<{ 'a.b': { data: string } }>;
export const none: Equal<NotSchemas['a.b'], never> = true;
