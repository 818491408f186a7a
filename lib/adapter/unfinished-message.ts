import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';

/** What comes with the payload of a frame, in bytes: of one with the shortest header. */
const SHORTEST_HEADER = 6;
/** And with those of a message in as many fragments as are taken. */
const ALL_HEADERS = 8 * 1_024;

/**
 * Bounds what a peer can have us keep of a message it does not finish. ws does so, too, but by one limit for all
 * connections of a server: this is for those that are to have a smaller one. It goes by the bytes of the stream, of
 * which those of messages and control frames that came in whole are taken off.
 *
 * @param maxBytes of payload, headers not counted
 * @param refuse called once, when it is exceeded
 * @returns what ends the watch
 */
export function limitUnfinished(
  socket: Pick<WebSocket, 'on' | 'off'>,
  tcp: Pick<Socket, 'on' | 'off'>,
  maxBytes: number,
  refuse: () => void,
): () => void {
  let unfinished = 0;
  let isMessageWhole = false;

  const onControlFrame = ({ length }: Buffer) => {
    unfinished -= length + SHORTEST_HEADER;
  };
  const onMessage = (data: RawData) => {
    onControlFrame(data as Buffer);
    isMessageWhole = true;
  };
  // ws has listened for longer: what it found in a chunk is known here already.
  const onChunk = ({ length }: Buffer) => {
    unfinished += length;
    // How many headers the message had is not known, but that what is left of the stream came after it.
    if (isMessageWhole) unfinished = Math.min(Math.max(unfinished, 0), length);
    isMessageWhole = false;
    if (unfinished <= maxBytes + ALL_HEADERS) return;
    stop();
    refuse();
  };
  const stop = () => {
    socket.off('message', onMessage).off('ping', onControlFrame).off('pong', onControlFrame);
    tcp.off('data', onChunk);
  };

  socket.on('message', onMessage).on('ping', onControlFrame).on('pong', onControlFrame);
  tcp.on('data', onChunk);
  return stop;
}
