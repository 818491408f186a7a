import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  UnsupportedMediaTypeException,
} from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/**
 * Accepts JSON only. A browser sends JSON to another site only after a CORS request, but sends forms at once, with cookies.
 *
 * @throws UnsupportedMediaTypeException for any other type
 */
@Injectable()
export class JsonGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: IncomingHttpHeaders }>();
    if (JSON_TYPE.test(headers['content-type'] ?? '')) return true;
    throw new UnsupportedMediaTypeException('The content type must be application/json');
  }
}
