// @ts-check

/**
 * A connection written from PROTOCOL.md, because the client library would not send the frames of the attacks.
 *
 * @typedef {{ type?: string, code?: string, status?: number, message?: string, id?: string, [member: string]: any }} Frame
 * @typedef {{ code: number, reason: string }} Close
 * @typedef {Record<string, unknown>} Event
 */
const SUBPROTOCOL = 'semantic-events.v1';
/** The time to wait for an answer, in milliseconds. */
const PATIENCE = 5_000;

export class RawConnection {
  /** @type {Frame[]} */
  #frames = [];
  /** The frames sent after authentication. @type {string[]} */
  sent = [];
  /** @type {Close | undefined} */
  #closed;
  #changed = () => {};

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.socket = socket;
    this.signing = { key_id: '', key: '' };
    socket.onmessage = ({ data }) => {
      this.#frames.push(JSON.parse(data));
      this.#changed();
    };
    socket.onclose = ({ code, reason }) => {
      this.#closed = { code, reason };
      this.#changed();
    };
  }

  /**
   * Connects and authenticates.
   *
   * @param {import('./http.js').Session} session
   */
  static async open({ token }) {
    const url = new URL('/events', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const connection = new RawConnection(new WebSocket(url, SUBPROTOCOL));
    connection.socket.onopen = () => connection.send({ type: 'auth', token });
    const { signing } = await connection.frame(({ type }) => type === 'auth_success');
    connection.signing = signing;
    // The first frame carries the token.
    connection.sent = [];
    return connection;
  }

  /** @param {string | object} frame */
  send(frame) {
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
    this.sent.push(text);
    this.socket.send(text);
  }

  /** @param {Event} event */
  sendEvent(event) {
    this.send({ type: 'event', event });
  }

  /**
   * Returns the first matching frame, of those received already or later.
   *
   * @param {(frame: Frame) => boolean} isWanted
   * @returns {Promise<Frame>}
   */
  async frame(isWanted) {
    await this.#until(() => this.#closed || this.#frames.some(isWanted));
    const frame = this.#frames.find(isWanted);
    if (frame) return frame;
    throw new Error(`The connection was closed: ${this.#closed?.code} ${this.#closed?.reason}`);
  }

  /** @returns {Promise<Close>} */
  async closed() {
    await this.#until(() => this.#closed);
    return /** @type {Close} */ (this.#closed);
  }

  end() {
    this.socket.close();
  }

  /**
   * Waits until a condition is true.
   *
   * @param {() => unknown} holds
   */
  #until(holds) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), PATIENCE);
      this.#changed = () => {
        if (!holds()) return;
        clearTimeout(timer);
        resolve(undefined);
      };
      this.#changed();
    });
  }
}

/**
 * Creates an unsigned event like an honest client.
 *
 * @param {string} type
 * @param {unknown} data
 * @param {Date} time
 * @returns {Event}
 */
export function newEvent(type, data, time = new Date()) {
  return {
    specversion: '1.0',
    type,
    source: 'quickstart-page',
    id: crypto.randomUUID(),
    time: time.toISOString(),
    datacontenttype: 'application/json',
    data,
    semanticnonce: crypto.randomUUID(),
  };
}

/**
 * Signs an event.
 *
 * @param {Event} event
 * @param {{ key_id: string, key: string }} signing the `signing` member of `auth_success`
 */
export async function signed(event, { key_id, key }) {
  const bytes = Uint8Array.from(atob(fromUrl(key)), letter => letter.charCodeAt(0));
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const hmac = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign']);
  const text = new TextEncoder().encode(`v1.c2s.${canonical(event)}`);
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', hmac, text));
  const semanticsignature = `v1.${key_id}.${toUrl(btoa(String.fromCharCode(...mac)))}`;
  return { ...event, semanticsignature };
}

/**
 * Returns the canonical form (RFC 8785) of a value without `toJSON`.
 *
 * @param {any} value
 * @returns {string}
 */
function canonical(value) {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.keys(value).sort();
  return `{${members.map(name => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

/** @param {string} base64 */
function toUrl(base64) {
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} base64Url */
function fromUrl(base64Url) {
  return base64Url.replaceAll('-', '+').replaceAll('_', '/');
}
