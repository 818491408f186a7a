// A Nest application with every protection of this library. It records events that it handles twice, and publishes messages
// to all subscribers.
import { SubscribeMessage } from '@nestjs/websockets';
import {
  EventData,
  EventMesh,
  SecureGateway,
  SemanticEventsAdapter,
  SignedEvent,
} from 'nestjs-semantic-events';
import { SemanticEventsIoAdapter } from 'nestjs-semantic-events/socket.io';
import { decorateMethod } from './decorate.js';
import { serve } from './serve.js';
import { settings } from './settings.js';

const handled = new Set();
let handledTwice = 0;

function note(data) {
  if (handled.has(data)) handledTwice++;
  handled.add(data);
}

class Gateway {
  /** Answers with its data, which is never the same. */
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

for (const [method, message] of [
  ['count', 'demo.count'],
  ['say', 'chat.message'],
])
  decorateMethod(Gateway, method, [SubscribeMessage(message), SignedEvent()], [EventData()]);

process.on('message', message => {
  if (message === 'handled') process.send?.({ handled: handled.size, handledTwice });
});
// All clients of the benchmark share one address; some are pages.
const options = {
  connection: { maxConnectionsPerAddress: 1_000, maxConnectionsPerUser: 1_000, origins: ['*'] },
  mesh: { allow: ['chat.*'] },
};
const Adapter =
  settings().transport === 'socket.io' ? SemanticEventsIoAdapter : SemanticEventsAdapter;
const app = await serve(Gateway, options, [SecureGateway()], Adapter);
const mesh = app.get(EventMesh);
