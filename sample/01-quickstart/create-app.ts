import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SecurityAudit, SemanticEventsAdapter } from 'nestjs-semantic-events';
import { AppModule } from './app.module.js';
import { type Config, type Environment, readEnvironment, throwIfAny } from './config.js';

/**
 * The quickstart, ready to listen.
 *
 * @throws Error naming every variable that is missing or malformed, and with them all that the production
 *   checklist would refuse: nobody should have to start it twice to learn what is missing
 */
export async function createApp(
  env: Environment,
): Promise<{ app: INestApplication; config: Config }> {
  const { config, problems } = readEnvironment(env);
  const app = await NestFactory.create(AppModule.with(config), {
    abortOnError: false,
    forceCloseConnections: true,
  });
  app.useWebSocketAdapter(new SemanticEventsAdapter(app));
  app.enableShutdownHooks();
  if (problems.length > 0) throwIfAny([...problems, ...failuresOf(app.get(SecurityAudit))]);
  return { app, config };
}

function failuresOf(audit: SecurityAudit): string[] {
  return audit
    .run()
    .items.filter(({ status }) => status === 'fail')
    .map(({ id, finding, mend }) => `${id}: ${finding}. ${mend}`);
}
