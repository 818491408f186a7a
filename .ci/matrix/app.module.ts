// The application of the matrix: the example of the README with a log-in for the smoke client.
import { Body, Controller, HttpCode, Inject, Module, Post } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Client,
  CurrentClient,
  EventData,
  EventSigner,
  RateLimit,
  SecureGateway,
  SemanticEventsModule,
  SignedEvent,
} from 'nestjs-semantic-events';

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
    return data;
  }
}

@Module({
  imports: [
    JwtModule.register({}),
    SemanticEventsModule.forRootAsync({
      useFactory: () => ({
        signing: { keys: [{ id: 'k1', secret: EventSigner.generateKey() }] },
        auth: { jwt: { secret } },
        // The origin contains the port, which is not known yet.
        connection: { origins: ['*'] },
        audit: 'off' as const,
      }),
    }),
  ],
  controllers: [LoginController],
  providers: [DemoGateway],
})
export class AppModule {}
