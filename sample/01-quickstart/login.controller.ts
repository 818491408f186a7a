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

/** The users of the quickstart and their roles. */
const ROLES = new Map<string, string[]>([
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

  /** Checks a password. The attempts are limited per address and per user, so passwords cannot be guessed quickly. */
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
      // For the page, which shows what the user may see. The server decides by the token.
      roles: claims.roles,
    };
  }

  /** Ends the session: closes its sockets and makes its token invalid. */
  @Post('logout')
  @HttpCode(204)
  @UseGuards(BearerGuard)
  logout(@Req() { user }: AuthenticatedRequest): void {
    this.sessions.end(user.sessionId);
  }
}

interface Claims {
  sub: string;
  roles: string[];
  sid: string;
}

/** Returns the claims of a new session, which `sid` identifies. */
function claimsOf(user: unknown, password: unknown): Claims | undefined {
  if (typeof user !== 'string' || password !== PASSWORD) return undefined;
  const roles = ROLES.get(user);
  return roles && { sub: user, roles, sid: randomUUID() };
}
