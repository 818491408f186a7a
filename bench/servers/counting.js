// A Nest application with every protection of this library on, which notes whether it handles anything twice, and
// publishes what is said to all who listen.
import { SubscribeMessage } from '@nestjs/websockets';
import { EventData, EventMesh, SignedEvent } from 'nestjs-semantic-events';
import { serve } from './serve.js';

const handled = new Set();
let handledTwice = 0;

function note(data) {
  if (handled.has(data)) handledTwice++;
  handled.add(data);
}

class Gateway {
  /** Answers with what it is given, which is never the same. */
  count(data) {
    note(data);
    return data;
  }

  async say(data) {
    note(data);
    await mesh.emit('chat.message', data);
    return data;
  }
}

// Decorators are a syntax of TypeScript: here they are called as the functions they are.
for (const [method, message] of [
  ['count', 'demo.count'],
  ['say', 'chat.message'],
]) {
  const descriptor = Object.getOwnPropertyDescriptor(Gateway.prototype, method);
  EventData()(Gateway.prototype, method, 0);
  for (const decorate of [SignedEvent(), SubscribeMessage(message)])
    decorate(Gateway.prototype, method, descriptor);
}

process.on('message', message => {
  if (message === 'handled') process.send?.({ handled: handled.size, handledTwice });
});
// All clients of the benchmark come from one address; some are pages.
const app = await serve(Gateway, {
  connection: { maxConnectionsPerAddress: 1_000, maxConnectionsPerUser: 1_000, origins: ['*'] },
  mesh: { allow: ['chat.*'] },
});
const mesh = app.get(EventMesh);
