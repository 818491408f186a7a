/**
 * Returns whether a message is within a size.
 *
 * @param message text counts by its UTF-8 bytes
 * @param maxSize in bytes
 */
export function validateMessageSize(
  message: string | ArrayBuffer | ArrayBufferView | readonly Uint8Array[],
  maxSize: number,
): boolean {
  return sizeOf(message) <= maxSize;
}

function sizeOf(message: string | ArrayBuffer | ArrayBufferView | readonly Uint8Array[]): number {
  if (typeof message === 'string') return Buffer.byteLength(message);
  if ('byteLength' in message) return message.byteLength;
  return message.reduce((total, part) => total + part.byteLength, 0);
}
