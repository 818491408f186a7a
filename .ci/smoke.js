// An independent client, written from PROTOCOL.md alone: logs in to a running quickstart, authenticates, sends one
// signed event, and verifies the signed reply. Usage: node .ci/smoke.js http://127.0.0.1:3000
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import canonicalize from 'canonicalize';
import { WebSocket } from 'ws';

const base = process.argv[2] ?? 'http://127.0.0.1:3000';

const login = await fetch(`${base}/auth/login`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ user: 'alice', password: 'demo' }),
});
assert.equal(login.status, 200);
const { access_token } = await login.json();

const socket = new WebSocket(`${base.replace('http', 'ws')}/events`, 'semantic-events.v1', {
  origin: base,
});
await once(socket, 'open');
const receive = async () => JSON.parse((await once(socket, 'message'))[0].toString());

socket.send(JSON.stringify({ type: 'auth', token: access_token }));
const { type, user_id, signing } = await receive();
assert.equal(type, 'auth_success');
assert.equal(user_id, 'alice');

const key = Buffer.from(signing.key, 'base64url');
const sign = (event, direction) => {
  const { semanticsignature: _, ...unsigned } = event;
  const mac = createHmac('sha256', key).update(`v1.${direction}.${canonicalize(unsigned)}`);
  return `v1.${signing.key_id}.${mac.digest('base64url')}`;
};

const event = {
  specversion: '1.0',
  type: 'demo.echo',
  source: 'smoke',
  id: randomUUID(),
  time: new Date().toISOString(),
  data: { hello: 'wörld', numbers: [1, 2.5, 1e21] },
  semanticnonce: randomUUID(),
};
socket.send(
  JSON.stringify({ type: 'event', event: { ...event, semanticsignature: sign(event, 'c2s') } }),
);
const reply = (await receive()).event;
assert.equal(reply.type, 'demo.echo.reply');
assert.equal(reply.semanticcorrelationid, event.id);
assert.deepEqual(reply.data, event.data);
assert.equal(reply.semanticsignature, sign(reply, 's2c'));

socket.close();
console.log('smoke: logged in, authenticated, sent a signed event, verified the signed reply');
