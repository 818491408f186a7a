import type { ServerResponse } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { RefusalError } from 'nestjs-semantic-events';

const STATUS = new Map([
  ['RATE_LIMITED', 429],
  ['UNAVAILABLE', 503],
]);

/** Sends rejections of the library over HTTP in the same form as over WebSocket. */
@Catch(RefusalError)
export class RefusalFilter implements ExceptionFilter<RefusalError> {
  catch({ code, message, retryAfter }: RefusalError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<ServerResponse>();
    response.statusCode = STATUS.get(code) ?? 401;
    response.setHeader('content-type', 'application/json');
    if (retryAfter !== undefined) response.setHeader('retry-after', Math.ceil(retryAfter / 1000));
    response.end(JSON.stringify({ code, message }));
  }
}
