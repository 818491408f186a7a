import { createPublicKey, verify } from 'node:crypto';
import canonicalize from 'canonicalize';
import { dataOf, startMesh, subscribe } from '../helpers/mesh-app.js';
import { tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

/** Verifies a broadcast as PROTOCOL.md says. */
function verifiesBroadcast(event: Json, { key_id, public_key }: Json): boolean {
  const { semanticsignature, ...unsigned } = event;
  const [version, keyId, signature] = (semanticsignature as string).split('.');
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: public_key as string },
    format: 'jwk',
  });
  const signed = Buffer.from(`v1e.s2c.${canonicalize(unsigned)}`);
  return (
    version === 'v1e' &&
    keyId === key_id &&
    verify(null, signed, key, Buffer.from(signature ?? '', 'base64url'))
  );
}

const broadcastKeyOf = (client: TestClient) =>
  (client.signing as Json | undefined)?.broadcast as Json;

describe('a subscription', () => {
  it('is confirmed with its patterns and id, and ends with unsubscribe', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    const { cursor, ...answer } = await subscribe(client, ['a.*', 'b', 'a.*'], { id: 'x' });
    expect(answer).toEqual({ type: 'subscribed', patterns: ['a.*', 'b'], id: 'x' });
    expect(cursor).toMatch(/^[A-Za-z0-9_-]{59}$/);
    await mesh.emit('a.1', 1);
    await mesh.emit('b', 2);

    client.sendJson({ type: 'unsubscribe', patterns: ['a.*', 'never.had'], id: 'y' });
    const frames = await client.take(3);
    expect(dataOf(frames.slice(0, 2))).toEqual([1, 2]);
    expect(frames[2]).toEqual({
      type: 'unsubscribed',
      patterns: ['a.*', 'never.had'],
      id: 'y',
    });
    await mesh.emit('a.1', 3);
    await mesh.emit('b', 4);
    expect(dataOf([...(await client.take(1)), ...(await client.settled())])).toEqual([4]);
    expect(mesh.stats()).toMatchObject({ subscribers: 1, subscriptions: 1, published: 4 });
  });

  it.each([
    ['a Buffer', Buffer.from('hi')],
    ['a part of a larger buffer', new Uint8Array([45, 104, 105, 45]).subarray(1, 3)],
    ['a Uint8Array', new Uint8Array([104, 105])],
  ])('delivers %s as bytes, like a reply', async (_, bytes) => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    await subscribe(client, ['a.*']);
    await mesh.emit('a.b', bytes);
    await mesh.publish({ type: 'a.c', source: 's', data: bytes });
    const [{ event }, { event: published }] = (await client.take(2)) as [Json, Json];
    const binary = Buffer.from(bytes).toString('base64');
    expect(event).toMatchObject({
      datacontenttype: 'application/octet-stream',
      data_base64: binary,
    });
    expect(published.data_base64).toBe(binary);
    expect([event, published].filter(one => 'data' in one)).toEqual([]);
    expect(client.verifies(event)).toBe(true);
  });

  it('delivers each event once, in order, however many of its patterns match', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    await subscribe(client, ['**', 'a.**', '**.a', '*.*', 'a.b', '**.*', '*.**', 'a.*']);
    await subscribe(client, ['a.*.**']);
    for (let n = 0; n < 50; n++) await mesh.emit(n % 2 ? 'a.b' : 'a', n);
    const frames = [...(await client.take(50)), ...(await client.settled())];
    expect(dataOf(frames)).toEqual([...Array(50).keys()]);
    expect(new Set(frames.map(frame => frame.cursor)).size).toBe(50);
  });

  it('continues after an equivalent pattern is unsubscribed', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    await subscribe(client, ['a.**.*', 'a.*.**']);
    client.sendJson({ type: 'unsubscribe', patterns: ['a.**.*'] });
    await client.next();
    await mesh.emit('a.b', 1);
    expect(dataOf([...(await client.take(1)), ...(await client.settled())])).toEqual([1]);
  });

  it('delivers any data and attribute as published', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    await subscribe(client, ['**']);
    const data = { '"ü\u2028\n': ['\\', { __semantic: null }], n: [1e21, 0.1, -5], '': '🎉' };
    const { id } = await mesh.emit('a', data, { subject: 's"\\', semantictags: 'x,y', count: 7 });
    const { event } = await client.next();
    expect(event).toMatchObject({ id, data, subject: 's"\\', semantictags: 'x,y', count: 7 });
    expect(client.verifies(event as Json)).toBe(true);
  });
});

describe('signatures of broadcasts', () => {
  it('are MACs with each session key by default', async () => {
    const { app, mesh } = await startMesh();
    const [alice, bob] = [await app.login('alice'), await app.login('bob')];
    for (const client of [alice, bob]) await subscribe(client, ['a']);
    await mesh.emit('a', 1);
    const [forAlice, forBob] = [await alice.next(), await bob.next()];
    expect(alice.verifies(forAlice.event as Json)).toBe(true);
    expect(bob.verifies(forBob.event as Json)).toBe(true);
    expect(alice.verifies(forBob.event as Json)).toBe(false);
  });

  it('belong to each event and session if frames leave together', async () => {
    const { app, mesh } = await startMesh();
    const [alice, bob] = [await app.login('alice'), await app.login('bob')];
    for (const client of [alice, bob]) await subscribe(client, ['a']);
    await Promise.all([1, 2, 3].map(n => mesh.emit('a', n)));
    for (const client of [alice, bob]) {
      const frames = await client.take(3);
      expect(dataOf(frames)).toEqual([1, 2, 3]);
      expect(frames.map(({ event }) => client.verifies(event as Json))).not.toContain(false);
    }
  });

  it('are one Ed25519 signature for all clients that request v1e', async () => {
    const { app, mesh } = await startMesh();
    const clients = await Promise.all(['a', 'b', 'c'].map(user => app.login(user)));
    for (const client of clients) await subscribe(client, ['x'], { signatures: 'v1e' });
    const sent = await mesh.emit('x', { text: 'für alle 🎉' });
    const frames = await Promise.all(clients.map(client => client.next()));
    for (const [at, client] of clients.entries())
      expect(verifiesBroadcast(frames[at]!.event as Json, broadcastKeyOf(client))).toBe(true);
    expect(frames[1]).toEqual(frames[0]);
    expect(frames[2]).toEqual(frames[0]);
    const { semanticsignature: _, ...unsigned } = frames[0]!.event as Json;
    expect(unsigned).toEqual(sent);
  });

  it('are MACs of the session key if the client has no key for broadcasts', async () => {
    const { app, mesh } = await startMesh([]);
    const client = await app.login('alice');
    expect(broadcastKeyOf(client)).toBeUndefined();
    await subscribe(client, ['x'], { signatures: 'v1e', scope: 'own' });
    await mesh.emitTo({ user: 'alice' }, 'x', 1);
    expect(client.verifies((await client.next()).event as Json)).toBe(true);
  });

  it('do not verify after any change', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    await subscribe(client, ['x'], { signatures: 'v1e' });
    await mesh.emit('x', 1);
    const { event } = await client.next();
    for (const change of [{ data: 2 }, { type: 'y' }, { id: 'other' }, { subject: 's' }])
      expect(verifiesBroadcast({ ...(event as Json), ...change }, broadcastKeyOf(client))).toBe(
        false,
      );
  });

  it('are rejected if a client sends them to the server', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    await subscribe(client, ['chat.*'], { signatures: 'v1e' });
    await mesh.emit('chat.message', 1, { source: 'test-client' });
    client.sendJson({ type: 'event', event: (await client.next()).event });
    expect(await client.next()).toMatchObject({ type: 'error', code: 'INVALID_SIGNATURE' });
  });

  it('do not change if a later request omits them, and can be changed back', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    const versions: unknown[] = [];
    for (const signatures of ['v1e', undefined, 'v1', undefined]) {
      await subscribe(client, ['x'], { signatures });
      await mesh.emit('x', 1);
      versions.push(((await client.next()).event as Json).semanticsignature.split('.')[0]);
    }
    expect(versions).toEqual(['v1e', 'v1e', 'v1', 'v1']);
  });

  it('keep their key after a renewal', async () => {
    const { app } = await startMesh();
    const client = await app.login();
    const before = client.signing;
    await client.authenticate(tokenFor('alice'));
    expect(client.signing).toEqual(before);
  });
});

describe('under cloudevents.json', () => {
  it.each(['v1', 'v1e'])('events are bare, signed by %s', async signatures => {
    const { app, mesh } = await startMesh();
    const client = await app.login('alice', '/events', { protocol: 'cloudevents.json' });
    expect((await subscribe(client, ['a'], { signatures })).type).toBe('subscribed');
    const sent = await mesh.emit('a', 1);
    const { semanticsignature, ...event } = await client.next();
    expect(event).toEqual(sent);
    const signed = { ...event, semanticsignature } as Json;
    expect(
      signatures === 'v1'
        ? client.verifies(signed)
        : verifiesBroadcast(signed, broadcastKeyOf(client)),
    ).toBe(true);
  });
});
