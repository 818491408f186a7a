// A ws server that answers what it is sent: as little as an answer can cost.
import { WebSocketServer } from 'ws';
import { flood } from './flood.js';
import { answerQuestions, reportPort } from './reporting.js';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/events' });
server.on('connection', socket => {
  socket.on('message', message => {
    const frame = JSON.parse(message.toString());
    if (frame.event?.startsWith('flood')) void flood(socket, frame.event.endsWith('patient'));
    else if (frame.event === 'demo.echo')
      socket.send(JSON.stringify({ event: 'demo.echo.reply', data: frame.data.data }));
    else socket.send(message.toString());
  });
});
server.on('listening', () => reportPort(server.address().port));
answerQuestions();
