import * as common from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

/** Nest 12 runs global guards and pipes for gateways, Nest 11 does not. Only Nest 12 has this class. */
export const GLOBALS_REACH_GATEWAYS = 'StandardSchemaValidationPipe' in common;

/** Returns the names of global guards, pipes and interceptors that Nest does not run for gateways. */
export function passedOver(config: ApplicationConfig, reaches = GLOBALS_REACH_GATEWAYS): string[] {
  const scoped = [
    ...config.getGlobalRequestGuards(),
    ...config.getGlobalRequestPipes(),
    ...config.getGlobalRequestInterceptors(),
  ].map(({ metatype }) => metatype as unknown);
  const others: unknown[] = reaches
    ? []
    : [
        ...config.getGlobalGuards(),
        ...config.getGlobalPipes(),
        ...config.getGlobalInterceptors(),
      ].map(({ constructor }) => constructor);
  return [...scoped, ...others].map(type =>
    typeof type === 'function' ? type.name : 'an object without a class',
  );
}
