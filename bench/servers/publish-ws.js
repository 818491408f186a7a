// A ws server that sends one prepared buffer to every socket when it is told to: as little as a fan-out can cost.
import { WebSocketServer } from 'ws';
import { answerQuestions, reportPort } from './reporting.js';
import { settings } from './settings.js';

const frame = Buffer.from('x'.repeat(settings().frameSize));
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/events' });
process.on('message', message => {
  if (message === 'publish')
    for (const socket of server.clients) socket.send(frame, { binary: false });
});
server.on('listening', () => reportPort(server.address().port));
answerQuestions();
