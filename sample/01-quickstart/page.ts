import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PageFiles } from './page-files.js';

/** Express keeps the requested path in `originalUrl`. */
type Request = IncomingMessage & { originalUrl?: string };

/** Serves a fixed set of files. */
export class Page {
  private readonly headers: Record<string, string>;

  /** @param origins the origins of pages that may connect to the gateway */
  constructor(
    private readonly files: PageFiles,
    origins: readonly string[],
  ) {
    this.headers = {
      'content-security-policy': contentSecurityPolicy(origins),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-cache',
    };
  }

  /** Handles a request, as an Express middleware. */
  readonly serve = (request: Request, response: ServerResponse, next: () => void): void => {
    const { method, originalUrl, url = '/' } = request;
    const [path = '/'] = (originalUrl ?? url).split('?', 1);
    const file = method === 'GET' || method === 'HEAD' ? this.files.get(path) : undefined;
    if (!file) {
      next();
      return;
    }
    const { type, body } = file;
    response.writeHead(200, {
      ...this.headers,
      'content-type': type,
      'content-length': body.length,
    });
    response.end(method === 'HEAD' ? undefined : body);
  };
}

/**
 * Returns the policy: scripts, styles and connections of this server only, no frames, and no text that becomes markup. Some
 * browsers do not match a WebSocket to the page's own host with `'self'`, so it also lists the origins that may connect.
 */
function contentSecurityPolicy(origins: readonly string[]): string {
  const sockets = origins
    .filter(origin => origin !== '*')
    .map(origin => origin.replace(/^http/, 'ws'));
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    ["connect-src 'self'", ...sockets].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}
