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
  exp: number;
}

/** Accepts requests with an access token whose session has not ended. */
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
    if (await this.sessions.isEnded(request.user.sessionId)) throw new UnauthorizedException();
    return true;
  }

  private async userOf(token: string): Promise<SessionUser> {
    try {
      const { sub, roles, sid, exp } = await this.jwt.verifyAsync<AccessToken>(token);
      return { id: sub, roles, sessionId: sid, expiresAt: exp * 1000 };
    } catch {
      throw new UnauthorizedException();
    }
  }
}
