// A Nest application whose clients may subscribe to everything. It publishes an event on command.
import { EventMesh } from 'nestjs-semantic-events';
import { INPUTS } from '../measuring/inputs.js';
import { answerQuestions } from './reporting.js';
import { serve, UNLIMITED } from './serve.js';

const app = await serve(class Gateway {}, { connection: UNLIMITED, mesh: { allow: ['**'] } });
const mesh = app.get(EventMesh);
process.on('message', message => {
  if (message === 'publish') void mesh.emit('demo.changed', INPUTS.ui.data);
});
answerQuestions();
