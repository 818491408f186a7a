// A stock Nest gateway on WsAdapter that answers each message, without any protection.
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { decorateClass, decorateMethod } from './decorate.js';
import { startNest } from './nest.js';
import { answerQuestions } from './reporting.js';

class Gateway {
  echo(event) {
    return { event: 'demo.echo.reply', data: event.data };
  }
}
decorateMethod(Gateway, 'echo', [SubscribeMessage('demo.echo')], [MessageBody()]);
decorateClass(Gateway, WebSocketGateway({ path: '/events' }));

await startNest({ providers: [Gateway] }, WsAdapter);
answerQuestions();
