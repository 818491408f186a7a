import { createSecretKey, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import { completeEvent, type SemanticEvent } from '../event/index.js';
import { NATIVE_PROTOCOL } from '../protocol/index.js';
import { type SigningKey, signatureFor } from '../signing/index.js';
import { ADVICE } from './advice.js';
import { codeOf, STEP_TIMEOUT } from './network.js';
import { ok, skip, type Step, StepFailure, type StepResult } from './report.js';

type Frame = Record<string, unknown>;
type WebSocketClass = typeof WebSocket;

/** The tolerated difference between the clocks, in milliseconds: `signing.clockSkew` by default. */
const MAX_SKEW = 60_000;
/** The maximum number of bytes to read from an HTTP answer. */
const MAX_BODY = 65_536;

/** A connection to a gateway, like that of a client. */
export class Session {
  private readonly frames: Frame[] = [];
  private readonly waiting: (() => void)[] = [];
  private closing: string | undefined;
  private key: SigningKey | undefined;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: RawData) => {
      this.frames.push(frameOf(data));
      this.wake();
    });
    socket.on('close', (code, reason) => {
      this.closing = reason.length > 0 ? reason.toString() : `close code ${code}`;
      this.wake();
    });
    socket.on('error', () => undefined);
  }

  /** @throws StepFailure of the step `upgrade` or `origin` */
  static async open(url: URL, { WebSocket }: { WebSocket: WebSocketClass }, origin?: string) {
    const socket = new WebSocket(url, NATIVE_PROTOCOL, {
      origin,
      handshakeTimeout: STEP_TIMEOUT,
      perMessageDeflate: false,
    });
    const session = new Session(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('unexpected-response', (_request, response) => {
        // A proxy keeps the connection open after its answer. The request no longer has it then.
        const tcp = response.socket;
        void refusalOf(response).then(failure => {
          tcp.destroy();
          reject(failure);
        });
      });
      socket.once('error', error => {
        reject(upgradeFailure(`no upgrade: ${codeOf(error)}`));
      });
    });
    return session;
  }

  get subprotocol(): string {
    return this.socket.protocol;
  }

  close(): void {
    this.socket.terminate();
  }

  async compareClocks(): Promise<StepResult> {
    const before = Date.now();
    this.send({ type: 'ping' });
    const { time } = await this.next('clock', ({ type }) => type === 'pong');
    const skew = Math.round(Date.parse(String(time)) - (before + Date.now()) / 2);
    if (Math.abs(skew) <= MAX_SKEW) return ok('clock', `the clocks differ by ${skew} ms`);
    throw new StepFailure(
      'clock',
      `the clock of the server differs by ${Math.round(skew / 1000)} s`,
      'Set both clocks by NTP. A client should use the time of pong for its events',
    );
  }

  async authenticate(token: string | undefined): Promise<StepResult> {
    if (token === undefined)
      return skip(
        'authentication',
        'no token was given',
        'Pass one by --token, or SEMANTIC_EVENTS_TOKEN',
      );
    this.send({ type: 'auth', token });
    const answer = await this.next('authentication', ({ type }) => type === 'auth_success');
    const { key_id: id, key } = Object(answer.signing) as Frame;
    if (typeof id !== 'string' || typeof key !== 'string')
      throw new StepFailure(
        'authentication',
        'auth_success has no session key',
        'The server is not of this library, or something between changes messages',
      );
    this.key = { id, key: createSecretKey(key, 'base64url') };
    const until = String(answer.expires_at);
    return ok('authentication', `user ${String(answer.user_id)}, until ${until}`);
  }

  async echo(type: string | undefined, data: unknown): Promise<StepResult> {
    if (!this.key) return skip('echo', 'it needs a session key', 'Pass a token first');
    if (type === undefined)
      return skip(
        'echo',
        'no event was named',
        'Name a harmless event that is answered by --event',
      );
    const { key } = this;
    const init = {
      type,
      source: 'nestjs-semantic-events/doctor',
      semanticnonce: randomUUID(),
      data,
    };
    const event = completeEvent(init, Date.now());
    this.send({
      type: 'event',
      event: { ...event, semanticsignature: signatureFor(event, 'c2s', key) },
    });
    const isReply = (frame: Frame) =>
      frame.type === 'event' && (Object(frame.event) as Frame).semanticcorrelationid === event.id;
    const reply = (await this.next('echo', isReply)).event as SemanticEvent;
    if (isSigned(reply, key))
      return ok('echo', `${type} was accepted, and its reply ${reply.type} is signed`);
    throw new StepFailure(
      'echo',
      'the reply is not signed by the session key',
      'Something between client and server changes messages',
    );
  }

  private send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Waits for a frame. An error frame or the end of the connection fails the step. */
  private async next(step: Step, isWanted: (frame: Frame) => boolean): Promise<Frame> {
    const late = AbortSignal.timeout(STEP_TIMEOUT);
    late.addEventListener('abort', () => {
      this.wake();
    });
    for (;;) {
      const frame = this.frames.shift();
      if (frame?.type === 'error') throw refused(step, String(frame.code), frame);
      if (frame && isWanted(frame)) return frame;
      if (frame) continue;
      if (this.closing !== undefined) throw refused(step, this.closing, {});
      if (late.aborted)
        throw new StepFailure(
          step,
          `no answer in ${STEP_TIMEOUT / 1000} s`,
          'A handler that returns nothing is not answered. A proxy may hold frames back',
        );
      await new Promise<void>(resolve => {
        this.waiting.push(resolve);
      });
    }
  }

  private wake(): void {
    for (const resume of this.waiting.splice(0)) resume();
  }
}

function isSigned(reply: SemanticEvent, key: SigningKey): boolean {
  try {
    return reply.semanticsignature === signatureFor(reply, 's2c', key);
  } catch {
    // The reply has no canonical form.
    return false;
  }
}

function refused(step: Step, code: string, { message, reason }: Frame): StepFailure {
  const said = [message, reason].filter(text => typeof text === 'string').join('; ');
  return new StepFailure(step, `${code}${said === '' ? '' : `: ${said}`}`, adviceFor(code));
}

function adviceFor(code: string): string {
  return Object.hasOwn(ADVICE, code)
    ? ADVICE[code as keyof typeof ADVICE]
    : 'See the log of the server, and of proxies between';
}

function upgradeFailure(finding: string): StepFailure {
  return new StepFailure(
    'upgrade',
    finding,
    'Check that a proxy passes the headers Upgrade and Connection on, and that the server is this one',
  );
}

/** The statuses of a proxy that cannot reach the server. */
const GATEWAY_ERRORS: readonly unknown[] = [502, 503, 504];

const UNREACHED =
  'A proxy cannot reach the server: check that the server runs, its address in the proxy, and the health check of the proxy';

/** Reads why the handshake was rejected: `{"code","message"}`, unless another server has answered. */
async function refusalOf(response: IncomingMessage): Promise<StepFailure> {
  let text = '';
  // A server may send without end.
  const timer = setTimeout(() => response.destroy(), STEP_TIMEOUT);
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > MAX_BODY) break;
    }
    const { code, message } = JSON.parse(text) as Frame;
    if (typeof code === 'string' && Object.hasOwn(ADVICE, code)) {
      const step = code === 'ORIGIN_REJECTED' ? 'origin' : 'upgrade';
      return refused(step, code, { message });
    }
  } catch {
    // The answer is not one of this library.
  } finally {
    clearTimeout(timer);
  }
  const finding = `HTTP ${response.statusCode} without a code: this is not the gateway`;
  return GATEWAY_ERRORS.includes(response.statusCode)
    ? new StepFailure('upgrade', finding, UNREACHED)
    : upgradeFailure(finding);
}

function frameOf(data: RawData): Frame {
  try {
    const frame: unknown = JSON.parse((data as Buffer).toString());
    if (typeof frame === 'object' && frame !== null) return frame as Frame;
  } catch {
    // The message is no frame.
  }
  return { type: 'unreadable' };
}
