// The application of .ci/matrix.js: what the README says, small. Compiled as CommonJS and as an ES module.
import { Body, Controller, HttpCode, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Client,
  CurrentClient,
  EventData,
  EventSigner,
  RateLimit,
  SecureGateway,
  SemanticEventsAdapter,
  SemanticEventsModule,
  SignedEvent,
} from 'nestjs-semantic-events';
import { SemanticEventsHealthIndicator } from 'nestjs-semantic-events/health';
import { redisStores } from 'nestjs-semantic-events/redis';
import { SemanticEventsIoAdapter } from 'nestjs-semantic-events/socket.io';
import { EventTestClient, issueTicket } from 'nestjs-semantic-events/testing';
import { io } from 'socket.io-client';
import { platform } from './platform.js';

const secret = EventSigner.generateKey();

@Controller('auth')
class LoginController {
  constructor(@Inject(JwtService) private readonly jwt: JwtService) {}

  @Post('login')
  @HttpCode(200)
  login(@Body() { user }: { user: string }) {
    return { access_token: this.jwt.sign({ sub: user }, { secret, expiresIn: 60 }) };
  }
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class DemoGateway {
  @SubscribeMessage('demo.echo')
  @SignedEvent()
  @RateLimit({ rate: 50, burst: 100 })
  echo(@EventData() data: unknown, @CurrentClient() client: Client) {
    if (client.user === undefined) throw new Error('nobody is logged in');
    return { event: 'demo.echo.reply', data };
  }
}

@Module({
  imports: [
    JwtModule.register({}),
    SemanticEventsModule.forRootAsync({
      useFactory: () => ({
        signing: { keys: [{ id: 'k1', secret: EventSigner.generateKey() }] },
        auth: { jwt: { secret } },
        // The port, which is part of an origin, is not known yet.
        connection: { origins: ['*'] },
        audit: 'off',
      }),
    }),
  ],
  controllers: [LoginController],
  providers: [DemoGateway],
})
class AppModule {}

/** The same application over Socket.IO. */
async function tryIo() {
  const app = await NestFactory.create(AppModule, platform(), { logger: ['error'] });
  app.useWebSocketAdapter(new SemanticEventsIoAdapter(app));
  await app.listen(0, '127.0.0.1');
  const socket = io((await app.getUrl()).replace('[::1]', '127.0.0.1'), {
    path: '/events',
    transports: ['websocket'],
    auth: { token: issueTicket(app, { id: 'tester' }) },
  });
  const { user_id } = await new Promise<{ user_id: string }>((resolve, reject) => {
    socket.on('auth_success', resolve).on('connect_error', reject);
  });
  if (user_id !== 'tester') throw new Error('not authenticated over Socket.IO');
  const refusal = new Promise<{ code: string }>(resolve => socket.on('exception', resolve));
  socket.emit('demo.echo', {});
  if ((await refusal).code !== 'INVALID_EVENT') throw new Error('not refused over Socket.IO');
  socket.disconnect();
  await app.close();
}

async function main() {
  await tryIo();
  const app = await NestFactory.create(AppModule, platform(), { logger: ['error'] });
  app.useWebSocketAdapter(new SemanticEventsAdapter(app));
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  // Every sub-path loads, and the test client works against the running application.
  if ([SemanticEventsHealthIndicator, redisStores].some(it => typeof it !== 'function'))
    throw new Error('a sub-path is empty');
  const client = await EventTestClient.login(app, { id: 'tester' });
  const reply = await client.request('demo.echo', { a: 1 });
  if (!client.verifies(reply)) throw new Error('the reply is not signed');
  await client.close();
  console.log(`listening on ${(await app.getUrl()).split(':').at(-1)}`);
}

void main();
