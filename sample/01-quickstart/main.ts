import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SemanticEventsAdapter } from 'nestjs-semantic-events';
import { AppModule } from './app.module.js';
import { readConfig } from './config.js';

const config = readConfig(process.env);
const app = await NestFactory.create(AppModule.with(config));
app.useWebSocketAdapter(new SemanticEventsAdapter(app));
app.enableShutdownHooks();
await app.listen(config.port, config.host);
new Logger('Quickstart').log(`Listening on http://${config.host}:${config.port}`);
