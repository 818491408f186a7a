// Creates the parts of this library with an application, as in production.
import 'reflect-metadata';
import { Test } from '@nestjs/testing';
import { Clock, SemanticEventsModule } from 'nestjs-semantic-events';
import { JWT_SECRET, RING_KEY } from '../servers/settings.js';

/**
 * @param options library options that differ from the defaults
 * @param clock a clock to use in place of the system clock
 * @returns the providers of the application, by token: `(await library()).get(EventSigner)`
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
