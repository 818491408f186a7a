import type { ArgumentsHost } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { bindClient, clientOf } from '../connection/index.js';

/**
 * Returns a host for filters that may read the client but must not answer it, because the library has already answered. The
 * methods of its socket do nothing.
 */
export function silentHost(host: ArgumentsHost): ArgumentsHost {
  const [socket, ...rest] = host.getArgs<[object, ...unknown[]]>();
  const silent = new Proxy(socket, { get: (target, name) => mute(Reflect.get(target, name)) });
  bindClient(silent, clientOf(socket));
  const copy = new ExecutionContextHost([silent, ...rest]);
  copy.setType('ws');
  return copy;
}

function mute(value: unknown): unknown {
  return typeof value === 'function' ? () => undefined : value;
}
