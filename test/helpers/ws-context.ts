import type { ExecutionContext, Type } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/internal';
import { bindClient, Client } from '../../lib/connection/index.js';

export interface WsCall {
  client?: Client;
  data?: unknown;
  pattern?: string;
}

/** Creates the context that Nest passes to the guards of a gateway's method. */
export function wsContext(
  gateway: Type,
  method: string,
  { client = clientAt('192.0.2.1'), data, pattern = method }: WsCall = {},
): ExecutionContext {
  const socket = {};
  bindClient(socket, client);
  const handler = Object.getOwnPropertyDescriptor(gateway.prototype, method)!.value as () => void;
  const context = new ExecutionContextHost([socket, data, pattern], gateway, handler);
  context.setType('ws');
  return context;
}

/** Creates a client with an address. It is authenticated if a user id is given. */
export function clientAt(address: string, userId?: string): Client {
  const client = new Client({ address, url: '/', headers: {} }, 0);
  if (userId !== undefined) client.authenticateAs({ id: userId }, Infinity);
  return client;
}
