/** How a Redis puts it that it is there, but cannot do its work, or not for us. */
const OUTAGES = new Set([
  'LOADING',
  'BUSY',
  'READONLY',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'NOAUTH',
  'NOPERM',
]);

/** The code an error of Redis starts with; before Redis 7 one that a script met with stands further back. */
export function replyCode({ message }: Error): string {
  const [, code = ''] =
    /^ERR Error running script.*? -([A-Z]+) /.exec(message) ?? /^([A-Z]+)/.exec(message) ?? [];
  return code;
}

/** Whether an error tells of Redis as a whole, or only of the one command it answers. */
export function isOutage(error: Error): boolean {
  return error.name !== 'ReplyError' || OUTAGES.has(replyCode(error));
}

/** Whether Redis works, but has no memory left for more. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && replyCode(error) === 'OOM';
}
