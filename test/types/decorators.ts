import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type as arktype } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import {
  type Client,
  type ClientUser,
  CurrentClient,
  EventData,
  Public,
  RateLimit,
  SecureGateway,
  type SemanticEvent,
  SemanticEventBody,
  SignedEvent,
  type SignedEventOptions,
  type SignedSemanticEvent,
  SkipRateLimit,
  type StandardSchema,
} from '../../lib/index.js';
import type { Equal } from './equal.js';

interface Click {
  x: number;
  y: number;
}

interface Member extends ClientUser {
  id: string;
  team: string;
}

@WebSocketGateway()
@SecureGateway()
@Public()
@RateLimit({ rate: 1 })
export class TypedGateway {
  @SubscribeMessage('click')
  @SignedEvent()
  @RateLimit({ rate: 50, per: 1_000, burst: 100, by: 'user', cost: 2 })
  click(@SemanticEventBody() event: SemanticEvent<Click>, @CurrentClient() client: Client<Member>) {
    const x: Equal<typeof event.data, Click | undefined> = true;
    const type: Equal<typeof event.type, string> = true;
    const team: Equal<typeof client.user, Member | undefined> = true;
    // @ts-expect-error data may be absent
    const missing: number = event.data.x;
    // @ts-expect-error a client may be unauthenticated
    const unauthenticated: string = client.user.team;
    // @ts-expect-error the user of a client is read-only
    client.user = { id: 'mallory', team: 'red' };
    return [x, type, team, missing, unauthenticated];
  }

  @SignedEvent({ keys: 'session' })
  @SkipRateLimit()
  signed(@SemanticEventBody() event: SignedSemanticEvent<Click>) {
    const time: string = event.time;
    const nonce: string = event.semanticnonce;
    const signature: string = event.semanticsignature;
    return [time, nonce, signature];
  }

  @RateLimit({ rate: 1, by: (client, context) => `${client.id}${context.getClass().name}` })
  data(@EventData(z.object({ x: z.number() })) data: { x: number }) {
    return data;
  }

  // @ts-expect-error there is no such kind of keys
  @SignedEvent({ keys: 'public' })
  // @ts-expect-error there is no such option
  @SignedEvent({ key: 'ring' })
  // @ts-expect-error a rate is required
  @RateLimit({ burst: 5 })
  // @ts-expect-error a limit needs options
  @RateLimit()
  // @ts-expect-error a rate is a number
  @RateLimit({ rate: '5/s' })
  // @ts-expect-error there is no such option
  @RateLimit({ rate: 5, limit: 5 })
  // @ts-expect-error buckets are not shared by role
  @RateLimit({ rate: 5, by: 'role' })
  // @ts-expect-error a bucket is named by a string
  @RateLimit({ rate: 5, by: () => 5 })
  wrong(
    // @ts-expect-error a schema is not a number
    @EventData(5) _data: unknown,
  ) {
    return undefined;
  }
}

// @ts-expect-error @SignedEvent goes on handlers, so that rate limits can run before
@SignedEvent()
export class SignedGateway {
  // @ts-expect-error @SecureGateway goes on classes
  @SecureGateway()
  handler() {
    return undefined;
  }
}

export const keys: Equal<SignedEventOptions['keys'], 'session' | 'ring' | 'any' | undefined> = true;

declare function outputOf<T>(schema: StandardSchema<T>): T;

const Zod = z.object({ x: z.string().transform(Number) });
const Valibot = v.pipe(v.string(), v.transform(Number));
const Arktype = arktype({ x: 'number' });

/** Never called: only its types are checked. */
export function outputs() {
  const zod: Equal<ReturnType<typeof outputOf<z.infer<typeof Zod>>>, { x: number }> = true;
  const x: number = outputOf(Zod).x;
  const n: number = outputOf(Valibot);
  const y: number = outputOf(Arktype).x;
  // @ts-expect-error the output is a number, though the input is a text
  const input: string = outputOf(Zod).x;
  return [zod, x, n, y, input];
}
