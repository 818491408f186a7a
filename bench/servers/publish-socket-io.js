// A socket.io server that sends to a room on command.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { answerQuestions, reportPort } from './reporting.js';
import { settings } from './settings.js';

const message = 'x'.repeat(settings().frameSize);
const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
io.on('connection', socket => socket.join('room'));
process.on('message', command => {
  if (command === 'publish') io.to('room').emit('e', message);
});
http.listen(0, '127.0.0.1', () => reportPort(http.address().port));
answerQuestions();
