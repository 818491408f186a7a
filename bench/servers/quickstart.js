// The built quickstart without a limit on messages.
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../measuring/redis.js';
import { answerQuestions, reportPort } from './reporting.js';
import { JWT_SECRET, RING_KEY } from './settings.js';

const port = await freePort();
Object.assign(process.env, {
  PORT: `${port}`,
  JWT_SECRET,
  SEMANTIC_EVENTS_KEYS: `${RING_KEY.id}:${RING_KEY.secret}`,
  MESSAGE_RATE: '1000000',
  MESSAGE_BURST: '1000000',
});
await import('../../build/01-quickstart/main.js');
while (!(await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))) await wait(50);
reportPort(port);
answerQuestions();
