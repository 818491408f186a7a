// A ws server that answers each message by itself, and nothing else.
import { WebSocketServer } from 'ws';
import { reportMemory } from './settings.js';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/events' });
server.on('connection', socket => {
  socket.on('message', data => socket.send(data.toString()));
});
server.on('listening', () => process.send?.({ port: server.address().port }));
reportMemory();
