// A socket.io server, protected by hand: rate-limiter-flexible, and a MAC over sorted JSON.
import { createServer } from 'node:http';
import { JwtService } from '@nestjs/jwt';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Server } from 'socket.io';
import { INPUTS } from '../measuring/inputs.js';
import { isGenuine, isNewNonce } from './hand-written.js';
import { answerQuestions, reportPort } from './reporting.js';
import { JWT_SECRET, settings } from './settings.js';

const jwt = new JwtService({ secret: JWT_SECRET });
const limiter = new RateLimiterMemory({ points: 1e6, duration: 1 });
const { schema } = INPUTS[settings().input ?? 'ui'];

const http = createServer();
const io = new Server(http, { transports: ['websocket'] });
io.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token);
    next();
  } catch {
    next(new Error('Unauthorized'));
  }
});
io.on('connection', socket => {
  socket.on('demo.echo', async event => {
    try {
      await limiter.consume(socket.data.user.sub);
    } catch {
      socket.emit('exception', 'Too many requests');
      return;
    }
    if (!isGenuine(event)) socket.emit('exception', 'Invalid signature');
    else if (!isNewNonce(event.semanticnonce)) socket.emit('exception', 'Replay detected');
    else {
      const { success, data } = schema.safeParse(event.data);
      if (success) socket.emit('demo.echo.reply', data);
      else socket.emit('exception', 'Validation failed');
    }
  });
});
http.listen(0, '127.0.0.1', () => reportPort(http.address().port));
answerQuestions();
