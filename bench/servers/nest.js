// Starts a Nest application and reports its port to the parent process.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { reportPort } from './reporting.js';

/** @param metadata the metadata of the application's module */
export async function startNest(metadata, Adapter) {
  class AppModule {}
  Module(metadata)(AppModule);
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.useWebSocketAdapter(new Adapter(app));
  await app.listen(0, '127.0.0.1');
  reportPort(app.getHttpServer().address().port);
  return app;
}
