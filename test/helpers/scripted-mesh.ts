import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import canonicalize from 'canonicalize';
import { type WebSocket, WebSocketServer } from 'ws';
import { matchesPattern } from '../../lib/event/index.js';
import { type Json, type Signing, signatureOf } from './test-client.js';

interface Peer {
  socket: WebSocket;
  signing: Signing;
  user?: string;
  patterns: Set<string>;
  wantsBroadcasts: boolean;
}

const HISTORY = 1_000;
const KEYS = generateKeyPairSync('ed25519');
const PUBLIC_KEY = createPublicKey(KEYS.privateKey).export({ format: 'jwk' }).x;

/**
 * A server of events and subscriptions, written from PROTOCOL.md only. Any token names its user. It publishes events of
 * type `chat.**` and answers all others with `<type>.reply`.
 */
export class ScriptedMesh {
  /** The number of times each event was accepted, by id. More than once is a replay. */
  readonly taken = new Map<string, number>();
  /** Violations of the protocol by clients. */
  readonly offences: string[] = [];
  /** The number of frames that requested shared signatures. */
  broadcastsWanted = 0;

  private server: WebSocketServer | undefined;
  private readonly peers = new Set<Peer>();
  private log: Json[] = [];
  private first = 1;
  private isFrozen = false;

  private constructor(private readonly port: number) {}

  static async start(): Promise<ScriptedMesh> {
    const mesh = new ScriptedMesh(0);
    await mesh.listen();
    return mesh;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server?.address() as AddressInfo).port}/events`;
  }

  async close(): Promise<void> {
    this.drop();
    const { server } = this;
    if (server) await promisify(server.close.bind(server))();
  }

  /** Ends all connections like a broken network. */
  drop(): void {
    for (const { socket } of this.peers) socket.terminate();
    this.peers.clear();
  }

  /** Ends all connections with a close frame. */
  end(code: number, reason: string): void {
    for (const { socket } of this.peers) socket.close(code, reason);
  }

  /** Stops or resumes all reading and writing, as if the cable were pulled. */
  freeze(isFrozen: boolean): void {
    this.isFrozen = isFrozen;
  }

  /** Drops the history for clients that reconnect. */
  forget(): void {
    this.first += this.log.length;
    this.log = [];
  }

  /** Publishes an event that no client receives: all are disconnected, and the event is dropped before one reconnects. */
  lose(type: string, data: unknown): void {
    this.drop();
    this.announce(type, data);
    this.forget();
  }

  publish(event: Json): void {
    this.log.push(event);
    while (this.log.length > HISTORY) {
      this.log.shift();
      this.first++;
    }
    const cursor = String(this.first + this.log.length - 1);
    for (const peer of this.peers) if (peer.user) this.deliver(peer, event, cursor);
  }

  /** Publishes an event of the server. */
  announce(type: string, data: unknown): void {
    this.publish({ specversion: '1.0', type, source: 'mesh', id: randomUUID(), time: now(), data });
  }

  /** Delivers an event that was changed after it was signed. */
  forge(type: string): void {
    for (const peer of this.peers) {
      const event = { specversion: '1.0', type, source: 'mesh', id: randomUUID() };
      const semanticsignature = signatureOf(event, peer.signing, 's2c');
      send(peer, { type: 'event', cursor: '0', event: { ...event, semanticsignature, data: 1 } });
    }
  }

  /** Withdraws the right to a pattern. */
  withdraw(pattern: string): void {
    for (const peer of this.peers)
      if (peer.patterns.delete(pattern)) send(peer, { type: 'unsubscribed', patterns: [pattern] });
  }

  private async listen(): Promise<void> {
    this.server = new WebSocketServer({
      host: '127.0.0.1',
      port: this.port,
      handleProtocols: offered =>
        offered.has('semantic-events.v1') ? 'semantic-events.v1' : false,
    });
    this.server.on('connection', socket => {
      this.connected(socket);
    });
    await once(this.server, 'listening');
  }

  private connected(socket: WebSocket): void {
    const signing = { key_id: `s-${randomUUID()}`, key: randomBytes(32).toString('base64url') };
    const peer: Peer = { socket, signing, patterns: new Set(), wantsBroadcasts: false };
    this.peers.add(peer);
    socket.on('error', () => undefined);
    socket.on('close', () => this.peers.delete(peer));
    socket.on('message', data => {
      if (!this.isFrozen) this.read(peer, JSON.parse((data as Buffer).toString()) as Json);
    });
  }

  private read(peer: Peer, frame: Json): void {
    const { type, id } = frame;
    if (type === 'ping') send(peer, { type: 'pong', time: now() });
    else if (type === 'auth') this.welcome(peer, String(frame.token));
    else if (!peer.user) this.offences.push(`${type} before authentication`);
    else if (type === 'event') this.take(peer, frame.event as Json);
    else if (type === 'subscribe') this.subscribe(peer, frame);
    else if (type === 'unsubscribe') {
      for (const pattern of frame.patterns) peer.patterns.delete(pattern as string);
      send(peer, { type: 'unsubscribed', patterns: frame.patterns, id });
    } else this.offences.push(`unknown frame ${type}`);
  }

  private welcome(peer: Peer, user: string): void {
    peer.user = user;
    const broadcast = { scheme: 'v1e', key_id: 'all', public_key: PUBLIC_KEY };
    send(peer, {
      type: 'auth_success',
      client_id: randomUUID(),
      user_id: user,
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
      signing: { scheme: 'v1', ...peer.signing, broadcast },
    });
  }

  private take(peer: Peer, event: Json): void {
    if (event.semanticsignature !== signatureOf(event, peer.signing, 'c2s')) {
      this.offences.push(`wrong signature of ${event.type}`);
      return;
    }
    this.taken.set(event.id as string, (this.taken.get(event.id as string) ?? 0) + 1);
    if (matchesPattern(event.type as string, 'chat.**')) {
      const { semanticsignature: _, semanticnonce: __, ...published } = event;
      this.publish(published);
      return;
    }
    const reply = {
      specversion: '1.0',
      type: `${event.type}.reply`,
      source: 'mesh',
      id: randomUUID(),
      time: now(),
      semanticcorrelationid: event.id,
      data: event.data,
    };
    const semanticsignature = signatureOf(reply, peer.signing, 's2c');
    send(peer, { type: 'event', event: { ...reply, semanticsignature } });
  }

  private subscribe(peer: Peer, { patterns, since, signatures, id }: Json): void {
    if ((patterns as string[]).some(pattern => pattern.startsWith('secret'))) {
      send(peer, { type: 'error', code: 'FORBIDDEN', status: 403, message: 'no', id });
      return;
    }
    peer.wantsBroadcasts = signatures === 'v1e';
    if (peer.wantsBroadcasts) this.broadcastsWanted++;
    for (const pattern of patterns as string[]) peer.patterns.add(pattern);
    const head = this.first + this.log.length - 1;
    const from = since === undefined ? head : Number(since);
    send(peer, { type: 'subscribed', patterns, cursor: String(from), id });
    if (from < this.first - 1)
      send(peer, { type: 'gap', patterns, cursor: String(this.first - 1) });
    this.log.forEach((event, index) => {
      const cursor = this.first + index;
      if (cursor > from) this.deliver(peer, event, String(cursor));
    });
  }

  private deliver(peer: Peer, event: Json, cursor: string): void {
    if (![...peer.patterns].some(pattern => matchesPattern(event.type as string, pattern))) return;
    const semanticsignature = peer.wantsBroadcasts
      ? signedForAll(event)
      : signatureOf(event, peer.signing, 's2c');
    send(peer, { type: 'event', event: { ...event, semanticsignature }, cursor });
  }
}

function signedForAll(event: Json): string {
  const signature = sign(null, Buffer.from(`v1e.s2c.${canonicalize(event)}`), KEYS.privateKey);
  return `v1e.all.${signature.toString('base64url')}`;
}

function send({ socket }: Peer, frame: Json): void {
  socket.send(JSON.stringify(frame));
}

function now(): string {
  return new Date().toISOString();
}
