import { ParseIntPipe } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type as arktype } from 'arktype';
import { Type } from 'class-transformer';
import { IsInt, IsPositive, IsString, Length, ValidateNested } from 'class-validator';
import * as v from 'valibot';
import { z } from 'zod';
import { EventData, EventDataPipe, SecureGateway } from '../../lib/index.js';

// Every schema changes its input, so that a test can distinguish output from input.
const Zod = z.object({ name: z.string().trim().min(1), amount: z.number().positive().default(1) });
const ZodLater = z.object({ name: z.string().refine(async name => name !== 'taken') });
const Valibot = v.object({ name: v.pipe(v.string(), v.trim(), v.minLength(1)) });
const ValibotLater = v.objectAsync({
  name: v.pipeAsync(
    v.string(),
    v.checkAsync(async name => name !== 'taken'),
  ),
});
const Arktype = arktype({ name: 'string.trim', 'amount?': 'number > 0' });

class Line {
  @IsInt()
  @IsPositive()
  quantity!: number;

  double() {
    return this.quantity * 2;
  }
}

export class Order {
  @IsString()
  @Length(1, 50)
  name!: string;

  @ValidateNested({ each: true })
  @Type(() => Line)
  lines!: Line[];
}

class Drawing {
  @ValidateNested({ each: true })
  @Type(() => Line, {
    discriminator: { property: 'kind', subTypes: [{ value: Line, name: 'line' }] },
  })
  lines!: Line[];
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
export class DataGateway {
  readonly seen: unknown[] = [];

  @SubscribeMessage('zod')
  zod(@EventData(Zod) data: z.infer<typeof Zod>) {
    return this.see(data);
  }

  @SubscribeMessage('zod.later')
  zodLater(@EventData(ZodLater) data: unknown) {
    return this.see(data);
  }

  @SubscribeMessage('valibot')
  valibot(@EventData(Valibot) data: unknown) {
    return this.see(data);
  }

  @SubscribeMessage('valibot.later')
  valibotLater(@EventData(ValibotLater) data: unknown) {
    return this.see(data);
  }

  @SubscribeMessage('arktype')
  arktype(@EventData(Arktype) data: unknown) {
    return this.see(data);
  }

  @SubscribeMessage('class')
  class(@EventData() order: Order) {
    this.see(order);
    return order.lines.map(line => line.double());
  }

  @SubscribeMessage('drawing')
  drawing(@EventData() drawing: Drawing) {
    return this.see(drawing.lines.length);
  }

  @SubscribeMessage('string')
  string(@EventData() data: string) {
    return this.see(data);
  }

  @SubscribeMessage('number')
  number(@EventData() data: number) {
    return this.see(data);
  }

  @SubscribeMessage('boolean')
  boolean(@EventData() data: boolean) {
    return this.see(data);
  }

  @SubscribeMessage('any')
  any(@EventData() data: unknown) {
    return this.see(data);
  }

  @SubscribeMessage('record')
  record(@EventData() data: Record<string, unknown>) {
    return this.see(data);
  }

  @SubscribeMessage('piped')
  piped(@EventData(z.string().trim(), new ParseIntPipe()) data: number) {
    return this.see(data);
  }

  @SubscribeMessage('message')
  message(@MessageBody('data', new EventDataPipe(Valibot)) data: unknown) {
    return this.see(data);
  }

  private see<T>(data: T): T {
    this.seen.push(data);
    return data;
  }
}
