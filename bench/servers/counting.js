// A Nest application with every protection of this library on, which notes whether it handles anything twice.
import { SubscribeMessage } from '@nestjs/websockets';
import { EventData, SignedEvent } from 'nestjs-semantic-events';
import { serve } from './serve.js';

const handled = new Set();
let handledTwice = 0;

class Gateway {
  /** Answers with what it is given, which is never the same. */
  count(data) {
    if (handled.has(data)) handledTwice++;
    handled.add(data);
    return data;
  }
}

// Decorators are a syntax of TypeScript: here they are called as the functions they are.
const count = Object.getOwnPropertyDescriptor(Gateway.prototype, 'count');
EventData()(Gateway.prototype, 'count', 0);
for (const decorate of [SignedEvent(), SubscribeMessage('demo.count')])
  decorate(Gateway.prototype, 'count', count);

process.on('message', message => {
  if (message === 'handled') process.send?.({ handled: handled.size, handledTwice });
});
// All clients of the benchmark come from one address.
await serve(Gateway, {
  connection: { maxConnectionsPerAddress: 1_000, maxConnectionsPerUser: 1_000 },
});
