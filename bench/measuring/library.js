// The parts of this library, made by an application as they are in life.
import 'reflect-metadata';
import { Test } from '@nestjs/testing';
import { Clock, SemanticEventsModule } from 'nestjs-semantic-events';
import { JWT_SECRET, RING_KEY } from '../servers/settings.js';

/**
 * @param options of the library that differ
 * @param clock in the place of the system's
 * @returns what the application has for a token: `(await library()).get(EventSigner)`
 */
export async function library(options = {}, clock = undefined) {
  const module = SemanticEventsModule.forRoot({
    signing: { keys: [RING_KEY] },
    auth: { jwt: { secret: JWT_SECRET } },
    audit: 'off',
    ...options,
  });
  const builder = Test.createTestingModule({ imports: [module] });
  if (clock) builder.overrideProvider(Clock).useValue(clock);
  return builder.compile();
}
