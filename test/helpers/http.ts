import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Json } from './test-client.js';
import type { TestApp } from './test-app.js';

export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: Json;
}

/** Posts JSON to an application and returns the answer with any status. */
export async function post(
  app: TestApp,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<HttpAnswer> {
  const response = await fetch(`http://127.0.0.1:${app.port}${path}`, {
    method: 'POST',
    // Fastify rejects an empty body with the content type JSON.
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Json),
  };
}

/** Trusts the user that a request names: `x-user: alice`. Like Passport, it sets more members than an id. */
@Injectable()
export class HeaderGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Json; user?: unknown }>();
    const name = request.headers['x-user'] as string | undefined;
    if (name === undefined) return false;
    const id = /^\d+$/.test(name) ? Number(name) : name;
    request.user = { id, roles: ['member'], sessionId: `s-of-${name}`, passwordHash: 'canary' };
    return true;
  }
}
