// A ws server that answers what it is sent: as little as an answer can cost.
import { WebSocketServer } from 'ws';
import { flood } from './flood.js';
import { answerQuestions, reportPort } from './reporting.js';
import { settings } from './settings.js';

/** What ws itself takes, unless it is told otherwise. */
const { maxPayload = 100 * 2 ** 20 } = settings();

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  path: '/events',
  maxPayload,
});
server.on('connection', socket => {
  // What ws refuses.
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
