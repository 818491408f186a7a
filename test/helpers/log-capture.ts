import { inspect } from 'node:util';
import { Logger, type LoggerService } from '@nestjs/common';

export interface LogLine {
  level: string;
  context: string;
  /** The complete text of the line. */
  text: string;
}

/** Replaces Nest's logger and stores every line of every level. */
export function captureLog(): LogLine[] {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (...all: unknown[]) => {
      const context = typeof all.at(-1) === 'string' && all.length > 1 ? String(all.pop()) : '';
      const text = all.map(part =>
        typeof part === 'string' ? part : inspect(part, { depth: 20, showHidden: true }),
      );
      lines.push({ level, context, text: text.join(' ') });
    };
  const logger: LoggerService = {
    fatal: at('fatal'),
    error: at('error'),
    warn: at('warn'),
    log: at('log'),
    debug: at('debug'),
    verbose: at('verbose'),
  };
  Logger.overrideLogger(logger);
  return lines;
}
