import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { createApp } from './create-app.js';

const logger = new Logger('Quickstart');

try {
  const { app, config } = await createApp(process.env);
  await app.listen(config.port, config.host);
  logger.log(`Listening on http://${config.host}:${config.port}`);
} catch (error) {
  // What is wrong is in the message; where we found out is of no use to who must mend it.
  logger.fatal(error instanceof Error ? error.message : error);
  process.exit(1);
}
