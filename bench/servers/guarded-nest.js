// A stock Nest gateway on WsAdapter, protected by hand: guards as the documentation of Nest and of @nestjs/throttler shows
// them, and a MAC over sorted JSON.
import { UseGuards } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { WsAdapter } from '@nestjs/platform-ws';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { INPUTS } from '../measuring/inputs.js';
import { decorateClass, decorateMethod } from './decorate.js';
import { isGenuine, isNewNonce } from './hand-written.js';
import { startNest } from './nest.js';
import { answerQuestions } from './reporting.js';
import { JWT_SECRET, settings } from './settings.js';

/**
 * The throttler checks every hit of the window. A benchmark user sends a hundred times more than a real one, so the window
 * is a hundred times shorter. It then contains the same number of hits.
 */
const WINDOW = 10;

class WsAuthGuard {
  canActivate(context) {
    if (!context.switchToWs().getClient().user) throw new WsException('Unauthorized');
    return true;
  }
}

class WsThrottlerGuard extends ThrottlerGuard {
  async handleRequest({ context, limit, ttl, throttler, blockDuration, generateKey }) {
    const tracker = context.switchToWs().getClient().user.sub;
    const key = generateKey(context, tracker, throttler.name);
    const { totalHits, timeToExpire, isBlocked, timeToBlockExpire } =
      await this.storageService.increment(key, ttl, limit, blockDuration, throttler.name);
    if (isBlocked) {
      await this.throwThrottlingException(context, {
        ...{ limit, ttl, key, tracker, totalHits, timeToExpire, isBlocked, timeToBlockExpire },
      });
    }
    return true;
  }
}

class SignatureGuard {
  canActivate(context) {
    if (!isGenuine(context.switchToWs().getData())) throw new WsException('Invalid signature');
    return true;
  }
}

class ReplayGuard {
  canActivate(context) {
    if (!isNewNonce(context.switchToWs().getData().semanticnonce))
      throw new WsException('Replay detected');
    return true;
  }
}

class ZodValidationPipe {
  constructor(schema) {
    this.schema = schema;
  }

  transform(value) {
    try {
      return this.schema.parse(value);
    } catch {
      throw new WsException('Validation failed');
    }
  }
}

class Gateway {
  jwt = new JwtService({ secret: JWT_SECRET });

  handleConnection(client, request) {
    try {
      const token = new URL(request.url, 'ws://localhost').searchParams.get('token');
      client.user = this.jwt.verify(token);
    } catch {
      client.close(1008, 'Unauthorized');
    }
  }

  echo(data) {
    return { event: 'demo.echo.reply', data };
  }
}
const { schema } = INPUTS[settings().input ?? 'ui'];
decorateMethod(
  Gateway,
  'echo',
  [
    UseGuards(WsAuthGuard, WsThrottlerGuard, SignatureGuard, ReplayGuard),
    SubscribeMessage('demo.echo'),
  ],
  [MessageBody('data', new ZodValidationPipe(schema))],
);
decorateClass(Gateway, WebSocketGateway({ path: '/events' }));

const throttlers = [{ ttl: WINDOW, limit: 1e6 }];
await startNest(
  { imports: [ThrottlerModule.forRoot({ throttlers })], providers: [Gateway] },
  WsAdapter,
);
answerQuestions();
