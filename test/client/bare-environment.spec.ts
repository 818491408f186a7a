import { createHmac, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createContext, runInContext } from 'node:vm';
import { buildSync } from 'esbuild';
import { WebSocket } from 'ws';
import type { ClientCrypto, SemanticEventsClient } from '../../lib/client/index.js';
import { ClientHost } from '../helpers/client-host.js';
import { BEHAVIOURS } from './behaviours.js';

/**
 * The globals of Hermes, the engine of React Native. Everything else that browsers have is missing.
 */
const GLOBALS = { atob, btoa, clearTimeout, console, setTimeout, TextEncoder, URL };

const ED25519 = { kty: 'OKP', crv: 'Ed25519' };

const crypto: ClientCrypto = {
  randomBytes: length => new Uint8Array(randomBytes(length)),
  hmac: (key, message) => createHmac('sha256', key).update(message).digest(),
  verifyEd25519: (publicKey, signature, message) => {
    const x = Buffer.from(publicKey).toString('base64url');
    const key = createPublicKey({ key: { ...ED25519, x }, format: 'jwk' });
    return verify(null, message, key, signature);
  },
};

describe('a client without WebCrypto, a page or other browser globals', () => {
  let Client: typeof SemanticEventsClient;
  let host: ClientHost;
  let code: string;

  beforeAll(async () => {
    const { outputFiles } = buildSync({
      stdin: {
        contents: `export { SemanticEventsClient as default } from './lib/client/index.js';`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      format: 'iife',
      globalName: 'library',
      write: false,
    });
    const context = createContext({ ...GLOBALS });
    ({ text: code } = outputFiles[0]!);
    runInContext(code, context);
    Client = runInContext('library.default', context) as typeof SemanticEventsClient;
  });

  beforeEach(async () => {
    host = await ClientHost.start();
  });

  afterEach(async () => {
    expect(host.mesh.offences).toEqual([]);
    await host.close();
  });

  it.each([
    'sends accepted events, and verifies the replies',
    'receives the reason for a rejection',
    'resumes after the connection was lost',
    'iterates over events',
    'drops forged events',
    'reconnects after disconnect(), and resumes its subscriptions',
  ])('with a crypto and a WebSocket that are passed in: %s', async name => {
    await BEHAVIOURS[name]!({ ...host.surroundings, Client, options: { WebSocket, crypto } });
  });

  it('verifies broadcast signatures if its crypto supports Ed25519', async () => {
    const options = { WebSocket, crypto };
    await BEHAVIOURS['iterates over events']!({ ...host.surroundings, Client, options });
    expect(host.mesh.broadcastsWanted).toBe(1);

    const { hmac, randomBytes } = crypto;
    const without = { WebSocket, crypto: { hmac, randomBytes } };
    await BEHAVIOURS['iterates over events']!({ ...host.surroundings, Client, options: without });
    expect(host.mesh.broadcastsWanted).toBe(1);
  });

  it('has no regular expression that older versions of Hermes cannot parse', () => {
    expect(code).not.toMatch(/\\p\{/i);
  });

  it('names what is missing if nothing is passed in', async () => {
    const client = new Client({ url: 'ws://127.0.0.1:1/events', getToken: () => 'token' });

    await expect(client.connect()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      problems: [
        'WebSocket must be a function',
        'crypto.subtle is missing: serve the page by https, or pass the option crypto',
      ],
    });
  });
});
