// A Nest application whose clients may listen to everything, and which publishes an event when it is told to.
import { EventMesh } from 'nestjs-semantic-events';
import { serve } from './serve.js';
import { DATA, reportCpu } from './settings.js';

const MANY = 20_000;

const app = await serve(class Gateway {}, {
  connection: {
    maxConnections: MANY,
    maxConnectionsPerAddress: MANY,
    maxConnectionsPerUser: MANY,
    connectRate: 1e6,
    connectBurst: 1e6,
  },
  mesh: { allow: ['**'] },
});
const mesh = app.get(EventMesh);
process.on('message', message => {
  if (message === 'publish') void mesh.emit('demo.changed', DATA);
});
reportCpu();
