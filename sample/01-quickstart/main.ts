import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { createApp } from './create-app.js';

const logger = new Logger('Quickstart');

try {
  const { app, config } = await createApp(process.env);
  await app.listen(config.port, config.host);
  logger.log(`Open http://${config.host}:${config.port}/ and log in as alice, password demo`);
} catch (error) {
  // The message says what to change; a stack would not help.
  logger.fatal(messageOf(error));
  process.exit(1);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code !== 'EADDRINUSE' || port === undefined) return error.message;
  return `Port ${port} is in use. Choose another: PORT=${port + 1} npm start`;
}
