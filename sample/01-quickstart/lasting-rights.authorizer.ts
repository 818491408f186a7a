import { Injectable } from '@nestjs/common';
import { type Client, DefaultEventAuthorizer } from 'nestjs-semantic-events';
import { LOBBY } from './chat.gateway.js';

/** The time from which the users of this sample have their rights: before the first event. */
const ALWAYS = new Date(0);

/**
 * Returns since when users have their rights. Otherwise a right begins when the server first sees its use. An in-memory
 * server forgets that time at a restart, and users would miss events of the meantime.
 */
@Injectable()
export class LastingRightsAuthorizer extends DefaultEventAuthorizer {
  override async canSubscribe(client: Client, pattern: string) {
    return (await super.canSubscribe(client, pattern)) && { since: ALWAYS };
  }

  override canJoin(_client: Client, room: string) {
    return room === LOBBY && { since: ALWAYS };
  }
}
