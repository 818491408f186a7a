// @ts-check
import { badge, make, part } from './dom.js';
import { frameText } from './frame-text.js';

/** The maximum number of frames on the page. Older ones are removed. */
const MAX_FRAMES = 100;
/** The maximum number of sent frames whose answer is awaited. */
const MAX_PENDING = 100;

/** Shows the frames of a connection, its latency and its subscriptions. */
export class FramePanel {
  #list = part('frames-list');
  #sent = 0;
  #received = 0;
  /** When each frame that has an answer was sent. @type {Map<string, number>} */
  #pending = new Map();
  /** @type {Set<string>} */
  #subscriptions = new Set();

  /** The class of sockets whose frames are shown. */
  WebSocket = recordingWebSocket((text, isSent) => this.#record(text, isSent));

  /**
   * Shows the state of the client as well.
   *
   * @param {import('/nestjs-semantic-events/client/index.js').SemanticEventsClient} client
   */
  show(client) {
    const state = part('frames-state');
    state.textContent = client.state;
    client.on('state', change => {
      state.textContent = change.error ? `${change.state} (${change.error.code})` : change.state;
      if (change.state !== 'connected') this.#subscriptions.clear();
      this.#showSubscriptions();
    });
  }

  /**
   * @param {string} text
   * @param {boolean} isSent
   */
  #record(text, isSent) {
    const frame = JSON.parse(text);
    if (isSent) {
      this.#sent += 1;
      this.#await(frame);
    } else {
      this.#received += 1;
      this.#measure(frame);
      this.#follow(frame);
    }
    part('frames-count').textContent = `${this.#sent} sent, ${this.#received} received`;
    this.#list.prepend(rowOf(frame, isSent));
    if (this.#list.childElementCount > MAX_FRAMES) this.#list.lastElementChild?.remove();
  }

  /** @param {any} frame */
  #await({ type, event }) {
    this.#pending.set(event?.id ?? type, performance.now());
    const [oldest] = this.#pending.keys();
    if (this.#pending.size > MAX_PENDING && oldest) this.#pending.delete(oldest);
  }

  /** @param {any} frame */
  #measure({ type, event }) {
    const key = type === 'pong' ? 'ping' : event?.semanticcorrelationid;
    const sentAt = this.#pending.get(key);
    if (sentAt === undefined) return;
    this.#pending.delete(key);
    const what = event?.type ?? type;
    part('frames-latency').textContent = `${(performance.now() - sentAt).toFixed(1)} ms (${what})`;
  }

  /** @param {any} frame */
  #follow({ type, patterns = [] }) {
    for (const pattern of patterns)
      if (type === 'subscribed') this.#subscriptions.add(pattern);
      else if (type === 'unsubscribed') this.#subscriptions.delete(pattern);
    this.#showSubscriptions();
  }

  #showSubscriptions() {
    part('frames-subscriptions').textContent = [...this.#subscriptions].sort().join(', ') || 'none';
  }
}

/**
 * Creates a WebSocket class that reports the text of every frame.
 *
 * @param {(text: string, isSent: boolean) => void} record
 */
function recordingWebSocket(record) {
  return class extends WebSocket {
    /** @param {ConstructorParameters<typeof WebSocket>} args */
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => record(data, false));
    }

    /** @param {string} text @override */
    send(text) {
      super.send(text);
      record(text, true);
    }
  };
}

/**
 * @param {any} frame
 * @param {boolean} isSent
 */
function rowOf(frame, isSent) {
  const { type, event } = frame;
  const signed = event?.semanticsignature ? [' ', badge('good', 'signed')] : [];
  const name = make('code', {}, event?.type ?? type);
  const summary = make('summary', {}, isSent ? '↑ sent ' : '↓ received ', name, ...signed);
  const text = JSON.stringify(frame, isSecretFrame(frame) ? hideSecrets : undefined);
  return make('li', {}, make('details', {}, summary, frameText(text)));
}

/** @param {any} frame */
function isSecretFrame({ type }) {
  return type === 'auth' || type === 'auth_success';
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function hideSecrets(name, value) {
  return name === 'token' || name === 'key' ? '(hidden)' : value;
}
