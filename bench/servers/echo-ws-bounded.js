// A ws server that echoes and closes clients that do not read: the minimum that bounds a queue. It shows how much memory
// Node itself needs for that.
import { WebSocketServer } from 'ws';
import { flood } from './flood.js';
import { answerQuestions, reportPort } from './reporting.js';

const MAX_BUFFERED_BYTES = 1_048_576;

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  path: '/events',
  closeTimeout: 5_000,
});
server.on('connection', socket => {
  const send = socket.send.bind(socket);
  socket.send = text => {
    if (socket.readyState !== socket.OPEN) return;
    send(text);
    if (socket.bufferedAmount <= MAX_BUFFERED_BYTES) return;
    socket.pause();
    socket.close(4508, 'SLOW_CONSUMER');
  };
  socket.on('message', data => {
    const text = data.toString();
    if (text.startsWith('{"event":"flood')) void flood(socket, text.includes('patient'));
    else socket.send(text);
  });
});
server.on('listening', () => reportPort(server.address().port));
answerQuestions();
