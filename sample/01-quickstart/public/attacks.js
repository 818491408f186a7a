// @ts-check
import { newEvent, signed } from './raw-connection.js';

/**
 * @typedef {object} Attack
 * @property {string} name
 * @property {string} title
 * @property {string} does a description of the attempt
 * @property {(connection: import('./raw-connection.js').RawConnection, session: import('./http.js').Session) =>
 * Promise<void>} run
 * @property {boolean} [closes] whether the server must close the connection
 */

const MINUTE = 60_000;
const PAYMENT = { to: 'bob', amount: 10 };

/** Frames that a server must reject according to PROTOCOL.md. @type {Attack[]} */
export const ATTACKS = [
  {
    name: 'tamper',
    title: 'Tamper',
    does: 'Signs a payment of 10, and changes it to 1000 after that.',
    async run(connection) {
      const event = await signed(newEvent('demo.echo', PAYMENT), connection.signing);
      connection.sendEvent({ ...event, data: { ...PAYMENT, amount: 1_000 } });
    },
  },
  {
    name: 'replay',
    title: 'Replay',
    does: 'Sends the same signed payment twice.',
    async run(connection) {
      const event = await signed(newEvent('demo.echo', PAYMENT), connection.signing);
      connection.sendEvent(event);
      connection.sendEvent(event);
    },
  },
  {
    name: 'unsigned',
    title: 'Unsigned',
    does: 'Sends an event without a signature.',
    async run(connection) {
      connection.sendEvent(newEvent('demo.echo', PAYMENT));
    },
  },
  {
    name: 'expired',
    title: 'Expired',
    does: 'Sends an event that was signed an hour ago.',
    async run(connection) {
      const event = newEvent('demo.echo', PAYMENT, new Date(Date.now() - 60 * MINUTE));
      connection.sendEvent(await signed(event, connection.signing));
    },
  },
  {
    name: 'forged-key',
    title: 'Forged session key',
    does: 'Signs with a random key, and uses the id of the real one.',
    async run(connection) {
      const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
      const event = newEvent('demo.echo', PAYMENT);
      connection.sendEvent(await signed(event, { ...connection.signing, key }));
    },
  },
  {
    name: 'forbidden',
    title: 'Forbidden event',
    does: 'Sends an event without the right to it: bob sends an event for admins, alice one in bob’s name.',
    async run(connection, { user }) {
      const event =
        user === 'bob'
          ? newEvent('demo.admin', PAYMENT)
          : { ...newEvent('demo.echo', PAYMENT), source: 'user:bob' };
      connection.sendEvent(await signed(event, connection.signing));
    },
  },
  {
    name: 'flood',
    title: 'Flood',
    does: 'Sends a thousand frames at once.',
    closes: true,
    async run(connection) {
      for (let count = 0; count < 1_000; count++) connection.send({ type: 'ping' });
    },
  },
  {
    name: 'oversize',
    title: 'Oversize',
    does: 'Sends a signed event of one megabyte.',
    closes: true,
    async run(connection) {
      const event = newEvent('demo.echo', 'x'.repeat(1_000_000));
      connection.sendEvent(await signed(event, connection.signing));
    },
  },
];
