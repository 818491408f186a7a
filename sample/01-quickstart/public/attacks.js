// @ts-check
import { newEvent, signed } from './raw-connection.js';

/**
 * @typedef {object} Attack
 * @property {string} name
 * @property {string} title
 * @property {string} does what it tries
 * @property {(connection: import('./raw-connection.js').RawConnection, session: import('./http.js').Session) =>
 *   Promise<void>} run
 * @property {boolean} [closes] whether the server is to close the connection
 */

const MINUTE = 60_000;
const PAYMENT = { to: 'bob', amount: 10 };

/** What PROTOCOL.md says a server must refuse. @type {Attack[]} */
export const ATTACKS = [
  {
    name: 'tamper',
    title: 'Tamper',
    does: 'Signs a payment of 10, and makes it 1000 on the way.',
    async run(connection) {
      const event = await signed(newEvent('demo.echo', PAYMENT), connection.signing);
      connection.sendEvent({ ...event, data: { ...PAYMENT, amount: 1_000 } });
    },
  },
  {
    name: 'replay',
    title: 'Replay',
    does: 'Sends the same signed payment a second time.',
    async run(connection) {
      const event = await signed(newEvent('demo.echo', PAYMENT), connection.signing);
      connection.sendEvent(event);
      connection.sendEvent(event);
    },
  },
  {
    name: 'unsigned',
    title: 'Unsigned',
    does: 'Leaves the signature out.',
    async run(connection) {
      connection.sendEvent(newEvent('demo.echo', PAYMENT));
    },
  },
  {
    name: 'expired',
    title: 'Expired',
    does: 'Sends an event signed an hour ago.',
    async run(connection) {
      const event = newEvent('demo.echo', PAYMENT, new Date(Date.now() - 60 * MINUTE));
      connection.sendEvent(await signed(event, connection.signing));
    },
  },
  {
    name: 'forged-key',
    title: 'Forged session key',
    does: 'Signs with a key it has made up, under the name of the real one.',
    async run(connection) {
      const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
      const event = newEvent('demo.echo', PAYMENT);
      connection.sendEvent(await signed(event, { ...connection.signing, key }));
    },
  },
  {
    name: 'forbidden',
    title: 'Forbidden event',
    does: 'Sends what is not yours to send: as bob an event for admins, as alice one in bob’s name.',
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
