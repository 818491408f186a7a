// A ws server that answers each message by itself, or by 100 MiB to whoever asks for a flood, and nothing else.
import { WebSocketServer } from 'ws';
import { flood, reportMemory } from './settings.js';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/events' });
server.on('connection', socket => {
  socket.on('message', data => {
    const text = data.toString();
    if (text.startsWith('{"event":"flood')) void flood(socket, text.includes('patient'));
    else socket.send(text);
  });
});
server.on('listening', () => process.send?.({ port: server.address().port }));
reportMemory();
