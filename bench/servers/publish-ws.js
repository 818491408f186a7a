// A ws server that sends one prepared buffer to every socket on command: the minimum cost of a fan-out. If it receives a
// size to sign, it also computes a MAC for each socket and sends the same buffer.
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { WebSocketServer } from 'ws';
import { answerQuestions, reportPort } from './reporting.js';
import { settings } from './settings.js';

const { frameSize, signedSize } = settings();
const frame = Buffer.from('x'.repeat(frameSize));
const signed = signedSize && Buffer.from('x'.repeat(signedSize));
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/events' });
server.on('connection', socket => (socket.key = createSecretKey(randomBytes(32))));
process.on('message', message => {
  if (message !== 'publish') return;
  for (const socket of server.clients) {
    if (signed) createHmac('sha256', socket.key).update(signed).digest('base64url');
    socket.send(frame, { binary: false });
  }
});
server.on('listening', () => reportPort(server.address().port));
answerQuestions();
