// Sends 100 MiB to one socket, in messages of 64 KiB.
export const FLOOD_BYTES = 100 * 2 ** 20;
const MESSAGE_BYTES = 64 * 1024;
/** The number of unread bytes at which a patient sender waits. */
const PATIENCE = 512 * 1024;

/** Sends as fast as possible, or as fast as the socket reads. */
export async function flood(socket, isPatient) {
  const message = 'x'.repeat(MESSAGE_BYTES);
  for (let sent = 0; sent < FLOOD_BYTES; sent += MESSAGE_BYTES) {
    do await new Promise(setImmediate);
    while (isPatient && socket.readyState === 1 && socket.bufferedAmount > PATIENCE);
    socket.send(message);
  }
}
