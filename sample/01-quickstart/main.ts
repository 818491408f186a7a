import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { createApp } from './create-app.js';

const { app, config } = await createApp(process.env);
await app.listen(config.port, config.host);
new Logger('Quickstart').log(`Listening on http://${config.host}:${config.port}`);
