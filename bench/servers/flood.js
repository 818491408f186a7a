// 100 MiB for one socket, in messages of 64 KiB.
export const FLOOD_BYTES = 100 * 2 ** 20;
const MESSAGE_BYTES = 64 * 1024;
/** What may wait for a reader before one that is patient sends more. */
const PATIENCE = 512 * 1024;

/** As fast as the event loop turns, whether the socket reads or not, or as fast as it reads. */
export async function flood(socket, isPatient) {
  const message = 'x'.repeat(MESSAGE_BYTES);
  for (let sent = 0; sent < FLOOD_BYTES; sent += MESSAGE_BYTES) {
    do await new Promise(setImmediate);
    while (isPatient && socket.readyState === 1 && socket.bufferedAmount > PATIENCE);
    socket.send(message);
  }
}
