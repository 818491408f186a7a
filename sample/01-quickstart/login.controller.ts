import { Body, Controller, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';

const TOKEN_SECONDS = 3600;
const PASSWORD = 'demo';

/** Who may log in to the quickstart, and as what. */
const ROLES = new Map([
  ['alice', ['admin']],
  ['bob', []],
]);

@Controller('auth')
export class LoginController {
  constructor(private readonly jwt: JwtService) {}

  @Post('login')
  @HttpCode(200)
  async login(@Body() body?: { user?: unknown; password?: unknown }) {
    const { user, password } = body ?? {};
    const roles = typeof user === 'string' ? ROLES.get(user) : undefined;
    if (!roles || password !== PASSWORD) throw new UnauthorizedException();
    return {
      access_token: await this.jwt.signAsync({ sub: user, roles }, { expiresIn: TOKEN_SECONDS }),
      expires_in: TOKEN_SECONDS,
    };
  }
}
