import { inspect } from 'node:util';

/**
 * A line of the security log. Text loggers print `message`. JSON loggers (pino, winston, Nest's own with `json: true`) write its
 * members as fields: `kind`, `code`, `address`, `userId`, `eventType`, `path`, `reason`.
 */
export class SecurityLogLine {
  constructor(
    readonly message: string,
    fields: Readonly<Record<string, unknown>>,
  ) {
    Object.assign(this, fields);
  }

  toString(): string {
    return this.message;
  }

  [inspect.custom](): string {
    return this.message;
  }
}
