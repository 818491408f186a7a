import type { IncomingMessage } from 'node:http';
import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { type ClientUser, SessionRegistry } from 'nestjs-semantic-events';

type SessionUser = ClientUser & { sessionId: string };

export interface AuthenticatedRequest extends IncomingMessage {
  user: SessionUser;
}

interface AccessToken {
  sub: string;
  roles: string[];
  sid: string;
  iat: number;
  exp: number;
}

/** Accepts requests with an access token that was not logged out. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly jwt: JwtService,
    private readonly sessions: SessionRegistry,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const [, token = ''] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
    request.user = await this.userOf(token);
    if (await this.sessions.isEnded(request.user)) throw new UnauthorizedException();
    return true;
  }

  private async userOf(token: string): Promise<SessionUser> {
    try {
      const { sub, roles, sid, iat, exp } = await this.jwt.verifyAsync<AccessToken>(token);
      return { id: sub, roles, sessionId: sid, issuedAt: iat * 1000, expiresAt: exp * 1000 };
    } catch {
      throw new UnauthorizedException();
    }
  }
}
