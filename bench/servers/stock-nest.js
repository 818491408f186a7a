// A stock Nest gateway on WsAdapter that answers each message, without any protection.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { reportCpu } from './settings.js';

class Gateway {
  echo(event) {
    return { event: 'demo.echo.reply', data: event.data };
  }
}
MessageBody()(Gateway.prototype, 'echo', 0);
SubscribeMessage('demo.echo')(
  Gateway.prototype,
  'echo',
  Object.getOwnPropertyDescriptor(Gateway.prototype, 'echo'),
);
WebSocketGateway({ path: '/events' })(Gateway);

class AppModule {}
Module({ providers: [Gateway] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, '127.0.0.1');
process.send?.({ port: app.getHttpServer().address().port });
reportCpu();
