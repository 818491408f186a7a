import type { ModuleRef } from '@nestjs/core';
import type { Client } from '../../../lib/connection/index.js';
import { AuthenticatedHooks } from '../../../lib/gateway/authenticated-hook.js';
import type { CatalogGateway } from '../../../lib/gateway/index.js';

const gatewayOf = (instance: object) => {
  const wrapper = { instance, isDependencyTreeStatic: () => true };
  return { wrapper } as unknown as CatalogGateway;
};

const start = () => {
  const calls: object[] = [];
  const hooked = gatewayOf({
    handleAuthenticated: (_: Client, socket: object) => calls.push(socket),
  });
  const hooks = new AuthenticatedHooks({} as ModuleRef, error => {
    throw error;
  });
  const client = {} as Client;
  return { calls, client, hooked, hooks, waiting: () => hooks['waiting'].get(client)?.size ?? 0 };
};

describe('the hooks of a client that has not authenticated', () => {
  it('are called for its sockets that have not left, in order', () => {
    const { calls, client, hooked, hooks } = start();
    const [first, left, last] = [{}, {}, {}];
    for (const socket of [first, left, last]) hooks.connected(hooked, client, socket);
    hooks.left(client, left);
    hooks.authenticated(client);
    expect(calls).toEqual([first, last]);
    expect(calls[0]).toBe(first);
    expect(calls[1]).toBe(last);
  });

  it('are called for each gateway of a socket', () => {
    const { calls, client, hooked, hooks } = start();
    const socket = {};
    for (const gateway of [hooked, hooked]) hooks.connected(gateway, client, socket);
    hooks.authenticated(client);
    expect(calls).toHaveLength(2);
  });

  it('do not add up while its sockets enter and leave', () => {
    const { client, hooked, hooks, waiting } = start();
    for (let round = 0; round < 100; round++) {
      const socket = {};
      hooks.connected(hooked, client, socket);
      hooks.left(client, socket);
    }
    expect(waiting()).toBe(0);
  });

  it('do not wait for a gateway without a hook', () => {
    const { client, hooks, waiting } = start();
    hooks.connected(gatewayOf({}), client, {});
    expect(waiting()).toBe(0);
  });
});
