import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  Body,
  Controller,
  HttpCode,
  Post,
  Req,
  UnauthorizedException,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import {
  AuthAttempts,
  ClientAddressResolver,
  SessionRegistry,
  TlsGuard,
} from 'nestjs-semantic-events';
import { type AuthenticatedRequest, BearerGuard } from './bearer.guard.js';
import { RefusalFilter } from './refusal.filter.js';

const TOKEN_SECONDS = 3600;
const PASSWORD = 'demo';

/** Who may log in to the quickstart, and as what. */
const ROLES = new Map([
  ['alice', ['admin']],
  ['bob', []],
]);

@Controller('auth')
@UseGuards(TlsGuard)
@UseFilters(RefusalFilter)
export class LoginController {
  constructor(
    private readonly jwt: JwtService,
    private readonly attempts: AuthAttempts,
    private readonly addresses: ClientAddressResolver,
    private readonly sessions: SessionRegistry,
  ) {}

  /** Passwords cannot be guessed faster than the limit allows, neither from one address nor of one user. */
  @Post('login')
  @HttpCode(200)
  async login(
    @Req() request: IncomingMessage,
    @Body() { user, password }: { user?: unknown; password?: unknown } = {},
  ) {
    const subject = {
      address: this.addresses.addressOf(request),
      user: typeof user === 'string' ? user : undefined,
    };
    const claims = await this.attempts.attempt(subject, () => claimsOf(user, password));
    if (!claims) throw new UnauthorizedException();
    return {
      access_token: await this.jwt.signAsync(claims, { expiresIn: TOKEN_SECONDS }),
      expires_in: TOKEN_SECONDS,
    };
  }

  /** Closes the session's sockets; its token is worth nothing from here on. */
  @Post('logout')
  @HttpCode(204)
  @UseGuards(BearerGuard)
  logout(@Req() { user }: AuthenticatedRequest): void {
    this.sessions.end(user.sessionId);
  }
}

/** Each log-in is a session of its own, named by `sid`. */
function claimsOf(user: unknown, password: unknown): object | undefined {
  const roles = typeof user === 'string' ? ROLES.get(user) : undefined;
  return roles && password === PASSWORD ? { sub: user, roles, sid: randomUUID() } : undefined;
}
