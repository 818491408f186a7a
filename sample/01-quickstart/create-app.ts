import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SecurityAudit, SemanticEventsAdapter } from 'nestjs-semantic-events';
import { AppModule } from './app.module.js';
import { type Config, type Environment, readEnvironment, throwIfAny } from './config.js';

/**
 * Creates the quickstart, ready to listen.
 *
 * @throws Error naming every missing or malformed variable, together with every item that the production checklist would
 * reject
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
    .map(({ id, finding, fix }) => `${id}: ${finding}. ${fix}`);
}
