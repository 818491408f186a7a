import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Logger,
  Post,
  Query,
  ServiceUnavailableException,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { SessionRegistry, TlsGuard } from '../auth/index.js';
import { ConnectionManager } from '../connection/index.js';
import { isId, MAX_ID_LENGTH } from '../options/index.js';
import { safeText, SecurityEvents } from '../monitoring/index.js';
import { RefusalError } from '../protocol/index.js';
import { type ConnectionList, pageOf } from './connection-list.js';
import { DevtoolsGuard } from './devtools.guard.js';
import { assertDevtools, type DevtoolsOptions } from './devtools-options.js';
import { JsonGuard } from './json.guard.js';

/**
 * Creates the controller of the routes for administrators, at the path and with the guard of the options.
 *
 * @throws SemanticEventsConfigError if an option is invalid
 */
export function devtoolsControllerFor(options: DevtoolsOptions): Type {
  assertDevtools(options);

  @Controller(options.path ?? 'semantic-events')
  @UseGuards(TlsGuard, DevtoolsGuard)
  class DevtoolsController {
    private readonly logger = new Logger(DevtoolsController.name);

    constructor(
      private readonly connections: ConnectionManager,
      private readonly sessions: SessionRegistry,
      private readonly events: SecurityEvents,
    ) {}

    @Get('connections')
    @Header('Cache-Control', 'no-store')
    @Header('X-Content-Type-Options', 'nosniff')
    list(@Query('user') user?: unknown, @Query('after') after?: unknown): ConnectionList {
      const filter = {
        user: user === undefined ? undefined : idFrom('user', user),
        after: after === undefined ? undefined : idFrom('after', after),
      };
      return pageOf(this.connections.list(), filter, address => this.events.shownAddress(address));
    }

    @Post('connections/disconnect')
    @HttpCode(200)
    @UseGuards(JsonGuard)
    disconnect(@Body() body: unknown): { closed: number } {
      const client = idOf(body, 'client');
      this.logger.log(`Disconnecting the connection "${safeText(client)}"`);
      return { closed: this.connections.disconnect(client) ? 1 : 0 };
    }

    @Post('users/log-out')
    @HttpCode(200)
    @UseGuards(JsonGuard)
    logOut(@Body() body: unknown): { closed: number } {
      const user = idOf(body, 'user');
      this.logger.log(`Logging out the user "${safeText(user)}"`);
      try {
        return { closed: this.sessions.endUser(user) };
      } catch (error) {
        if (RefusalError.is(error)) throw new ServiceUnavailableException(error.message);
        throw error;
      }
    }
  }

  return DevtoolsController;
}

/** @throws BadRequestException if a body has no such id */
function idOf(body: unknown, name: string): string {
  const isObject = typeof body === 'object' && body !== null;
  return idFrom(name, isObject ? (body as Record<string, unknown>)[name] : undefined);
}

/** @throws BadRequestException if a value is not an id */
function idFrom(name: string, value: unknown): string {
  const id = typeof value === 'number' ? String(value) : value;
  if (isId(id)) return id;
  throw new BadRequestException(`${name} must be a string of 1 to ${MAX_ID_LENGTH} characters`);
}
