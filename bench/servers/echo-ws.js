// A ws server that echoes: the minimum cost of an answer.
import { WebSocketServer } from 'ws';
import { flood } from './flood.js';
import { answerQuestions, reportPort } from './reporting.js';
import { settings } from './settings.js';

/** The default limit of ws. */
const { maxPayload = 100 * 2 ** 20 } = settings();

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  path: '/events',
  maxPayload,
});
server.on('connection', socket => {
  // Ignore frames that ws rejects.
  socket.on('error', () => undefined);
  socket.on('message', message => {
    const text = message.toString();
    if (!text.startsWith('{"event"')) {
      socket.send(text);
      return;
    }
    const { event, data } = JSON.parse(text);
    if (event.startsWith('flood')) void flood(socket, event.endsWith('patient'));
    else socket.send(JSON.stringify({ event: `${event}.reply`, data: data.data }));
  });
});
server.on('listening', () => reportPort(server.address().port));
answerQuestions();
