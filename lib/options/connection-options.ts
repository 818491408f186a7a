import type { Problems } from './problems.js';

export interface ConnectionOptions {
  /** The largest message taken, in bytes. @default 65_536 */
  maxMessageSize: number;
  /** Frames a connection may send per second in the long run. @default 100 */
  messageRate: number;
  /** Frames a connection may send at once. @default 200 */
  messageBurst: number;
}

export function checkConnection(options: Partial<ConnectionOptions>, problems: Problems): void {
  const known = ['maxMessageSize', 'messageRate', 'messageBurst'];
  if (!problems.unknown('connection', options, known)) return;
  problems.integer('connection.maxMessageSize', options.maxMessageSize, { min: 1_024 });
  problems.positive('connection.messageRate', options.messageRate);
  problems.integer('connection.messageBurst', options.messageBurst, { min: 1 });
}
