// Measures the cost of signing and verifying an event, compared with a bare MAC over the same bytes. Also compares other
// ways to carry the same payload: a JWT of jsonwebtoken or jose, and a webhook of standardwebhooks. Each event is verified
// once.
// Usage: npm run build && node bench/signatures.js [--full] [--rounds n] [--calls n] [--input name]
import { createHmac, createSecretKey, webcrypto } from 'node:crypto';
import canonicalizeByPackage from 'canonicalize';
import { jwtVerify, SignJWT } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { canonicalize, EventSigner } from 'nestjs-semantic-events';
import { Webhook } from 'standardwebhooks';
import { comparison } from './measuring/comparison.js';
import { SHARED_KEY } from './measuring/dialects.js';
import { makeEvent, sealed, signed, signedText } from './measuring/events.js';
import { INPUTS } from './measuring/inputs.js';
import { library } from './measuring/library.js';
import { measureParts } from './measuring/parts.js';
import { atMost } from './measuring/report.js';
import { median, timesOf } from './measuring/rounds.js';
import { sortedJson } from './servers/hand-written.js';

const secret = Buffer.from(SHARED_KEY.key);
const keyObject = createSecretKey(secret);
const HS256 = { alg: 'HS256' };

const signer = async () => (await library()).get(EventSigner);
const hmacKey = () =>
  webcrypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ]);
const webhook = () => new Webhook(secret.toString('base64'));

const make = (calls, what) => Array.from({ length: calls }, (_, call) => what(call));
/** Returns a value as it arrives from a socket, with strings of JSON.parse. */
const asReceived = value => JSON.parse(JSON.stringify(value));

/** Creates a part that runs one action on each prepared value and adds up the results. */
function part(prepareOne, runOne) {
  return {
    prepare: calls => Promise.all(make(calls, prepareOne)),
    run: prepared => {
      let sum = 0;
      for (const one of prepared) sum += runOne(one);
      return sum;
    },
  };
}

function asyncPart(prepareOne, runOne) {
  return {
    prepare: calls => Promise.all(make(calls, prepareOne)),
    run: async prepared => {
      let sum = 0;
      for (const one of prepared) sum += await runOne(one);
      return sum;
    },
  };
}

const eventOf = ({ input }) => makeEvent(INPUTS[input].data);

export const parts = {
  mac: settings =>
    part(
      () => Buffer.from(signedText(eventOf(settings))),
      bytes => createHmac('sha256', keyObject).update(bytes).digest('base64url').length,
    ),
  verify: async settings => {
    const events = await signer();
    return part(
      () => asReceived(signed(eventOf(settings), SHARED_KEY)),
      event => events.verify(event).length,
    );
  },
  'verify received': async settings => {
    const events = await signer();
    return part(
      () => {
        // A received text is one flat string of its own.
        const json = Buffer.from(sealed(eventOf(settings), SHARED_KEY));
        return { event: JSON.parse(json.toString('utf8')), json };
      },
      ({ event, json }) => events.verify(event, { json }).length,
    );
  },
  'verify text': async settings => {
    const events = await signer();
    return part(
      () => JSON.stringify(signed(eventOf(settings), SHARED_KEY)),
      text => events.verify(JSON.parse(text)).length,
    );
  },
  'jsonwebtoken verify': settings =>
    part(
      () => jsonwebtoken.sign(eventOf(settings), keyObject),
      token => jsonwebtoken.verify(token, keyObject, { algorithms: ['HS256'] }).id.length,
    ),
  'jose verify': async settings => {
    const key = await hmacKey();
    return asyncPart(
      () => new SignJWT(eventOf(settings)).setProtectedHeader(HS256).sign(key),
      async token => (await jwtVerify(token, key, { algorithms: ['HS256'] })).payload.id.length,
    );
  },
  'standardwebhooks verify': settings => {
    const hook = webhook();
    return part(
      () => {
        const event = eventOf(settings);
        const payload = JSON.stringify(event);
        const now = new Date();
        return {
          payload,
          headers: {
            'webhook-id': event.id,
            'webhook-timestamp': `${Math.floor(now.getTime() / 1000)}`,
            'webhook-signature': hook.sign(event.id, now, payload),
          },
        };
      },
      ({ payload, headers }) => hook.verify(payload, headers).id.length,
    );
  },
  sign: async settings => {
    const events = await signer();
    return part(
      () => asReceived(eventOf(settings)),
      event => events.signToText(event, { direction: 'c2s' }).length,
    );
  },
  'jsonwebtoken sign': settings =>
    part(
      () => asReceived(eventOf(settings)),
      event => jsonwebtoken.sign(event, keyObject).length,
    ),
  'jose sign': async settings => {
    const key = await hmacKey();
    return asyncPart(
      () => asReceived(eventOf(settings)),
      async event => (await new SignJWT(event).setProtectedHeader(HS256).sign(key)).length,
    );
  },
  'standardwebhooks sign': settings => {
    const hook = webhook();
    return part(
      () => asReceived(eventOf(settings)),
      event => {
        const payload = JSON.stringify(event);
        return hook.sign(event.id, new Date(), payload).length + payload.length;
      },
    );
  },
  canonicalize: settings => textPart(canonicalize, settings),
  'canonicalize of npm': settings => textPart(canonicalizeByPackage, settings),
  'sorted by hand': settings => textPart(sortedJson, settings),
  stringify: settings => textPart(JSON.stringify, settings),
};

function textPart(toText, settings) {
  return part(
    () => asReceived(eventOf(settings)),
    event => toText(event).length,
  );
}

const MAC = 'one createHmac over the same bytes';
const VERIFY = 'verify(event)';
const VERIFY_RECEIVED = 'verify(event, { json }), as the guard does';
const VERIFY_TEXT = 'verify(JSON.parse(text))';
const OTHERS = ['jsonwebtoken', 'jose', 'standardwebhooks'];
const verifyOf = name => `${name}, verify`;
const signOf = name => `${name}, sign`;

function subjectsOf(input) {
  const subject = name => [name, { input }];
  return {
    [MAC]: subject('mac'),
    [VERIFY]: subject('verify'),
    [VERIFY_RECEIVED]: subject('verify received'),
    [VERIFY_TEXT]: subject('verify text'),
    ...Object.fromEntries(OTHERS.map(name => [verifyOf(name), subject(`${name} verify`)])),
    signToText: subject('sign'),
    ...Object.fromEntries(OTHERS.map(name => [signOf(name), subject(`${name} sign`)])),
    canonicalize: subject('canonicalize'),
    'canonicalize of npm': subject('canonicalize of npm'),
    'sorted JSON by hand': subject('sorted by hand'),
    'JSON.stringify': subject('stringify'),
  };
}

function rowsOf(figures) {
  return [...figures].map(([what, rounds]) => ({
    what,
    'CPU µs a call': median(rounds),
    least: Math.min(...rounds),
    most: Math.max(...rounds),
    'times createHmac': timesOf(rounds, figures.get(MAC)),
  }));
}

function targetsOf(figures) {
  const times = (one, other) => timesOf(figures.get(one), figures.get(other));
  return [
    atMost(1.5, 'verify(event), to one createHmac', times(VERIFY, MAC)),
    atMost(1.5, `${VERIFY_RECEIVED}, to one createHmac`, times(VERIFY_RECEIVED, MAC)),
    ...OTHERS.map(name =>
      atMost(
        1,
        `verify(JSON.parse(text)), to ${verifyOf(name)}`,
        times(VERIFY_TEXT, verifyOf(name)),
      ),
    ),
  ];
}

const SIZES = { rounds: { short: 5, full: 15 }, calls: { short: 4_000, full: 8_000 } };

await comparison(import.meta, SIZES, async options => {
  const tables = {};
  const targets = [];
  const inputs = options.full ? Object.keys(INPUTS) : [options.input ?? 'ui'];
  for (const input of inputs) {
    const { figures } = await measureParts(import.meta, subjectsOf(input), options);
    const bytes = Buffer.byteLength(signedText(eventOf({ input })));
    tables[`Signatures, ${input} event of ${bytes} B`] = rowsOf(figures);
    if (input === inputs[0]) targets.push(...targetsOf(figures));
  }
  return { tables, targets };
});
