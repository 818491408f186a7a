import {
  type DynamicModule,
  type MiddlewareConsumer,
  Module,
  type NestModule,
} from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import {
  ClientAddressResolver,
  type ClientUser,
  ConnectionManager,
  EventAuthorizer,
  SemanticEventsModule,
} from 'nestjs-semantic-events';
import { redisStores } from 'nestjs-semantic-events/redis';
import { AdminGuard } from './admin.guard.js';
import { AuditController } from './audit.controller.js';
import { BearerGuard } from './bearer.guard.js';
import type { Config } from './config.js';
import { ChatGateway } from './chat.gateway.js';
import { DemoGateway } from './demo.gateway.js';
import { HealthController } from './health.controller.js';
import { LastingRightsAuthorizer } from './lasting-rights.authorizer.js';
import { LoginController } from './login.controller.js';
import { Page } from './page.js';
import { PageFiles } from './page-files.js';
import { SecurityFeed } from './security-feed.js';

const ISSUER = 'quickstart';
const SOURCE = 'urn:semantic-events:quickstart';

/** Returns the patterns a user may subscribe to: the chat for all users, events of the server for admins only. */
function mayListenTo({ roles = [] }: ClientUser): string[] {
  return ['chat.**', 'demo.**', ...(roles.includes('admin') ? ['system.**'] : [])];
}

@Module({})
export class AppModule implements NestModule {
  constructor(private readonly page: Page) {}

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(this.page.serve).forRoutes('{*path}');
  }

  static with(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        JwtModule.register({
          secret: config.jwtSecret,
          signOptions: { algorithm: 'HS256', issuer: ISSUER, audience: ISSUER },
          verifyOptions: { algorithms: ['HS256'], issuer: ISSUER, audience: ISSUER },
        }),
        SemanticEventsModule.forRoot({
          signing: { keys: config.keys, source: SOURCE },
          auth: {
            jwt: { secret: config.jwtSecret, issuer: ISSUER, audience: ISSUER },
            timeout: config.authTimeout,
            attempts: config.attempts,
            ticketRoute: { guard: BearerGuard },
          },
          connection: config.connection,
          devtools: { guard: AdminGuard },
          mesh: { allow: mayListenTo, presence: ['chat.*'] },
          providers: [{ provide: EventAuthorizer, useClass: LastingRightsAuthorizer }],
          stores: config.redisUrl ? redisStores({ url: config.redisUrl }) : undefined,
        }),
      ],
      controllers: [AuditController, HealthController, LoginController],
      providers: [
        ChatGateway,
        DemoGateway,
        SecurityFeed,
        AdminGuard,
        BearerGuard,
        { provide: PageFiles, useFactory: () => new PageFiles() },
        {
          provide: Page,
          inject: [PageFiles],
          useFactory: (files: PageFiles) => new Page(files, config.connection.origins ?? []),
        },
        {
          provide: ClientAddressResolver,
          // Create the filter after the options were validated: that error names every problem at once.
          inject: [ConnectionManager],
          useFactory: () => new ClientAddressResolver(config.connection.trustProxy ?? false),
        },
      ],
    };
  }
}
