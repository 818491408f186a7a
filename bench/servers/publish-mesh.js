// A Nest application whose clients may listen to everything, and which publishes an event when it is told to.
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
