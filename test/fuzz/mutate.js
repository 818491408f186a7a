// Creates new inputs from seeds: it changes bytes, pieces of JSON or members, or combines two seeds.

/** Pieces of frames, and texts that are known to break parsers. */
const PIECES = [
  ...'{}[]:,"\\.-+eE019 \n\t\u0000\u007f\u2028é😀\ud800'.split(''),
  '"type"',
  '"event"',
  '"auth"',
  '"token"',
  '"ping"',
  '"subscribe"',
  '"unsubscribe"',
  '"patterns"',
  '"since"',
  '"specversion":"1.0",',
  '"source":"b",',
  '"id":"c",',
  '"type":"a.b",',
  '"time":"2026-11-23T10:00:00Z"',
  '"time":"2016-12-31T23:59:60.5+00:00"',
  '"time":"9999-02-29T24:00:00-00:00"',
  '"data":',
  '"data_base64":"AA=="',
  '"semanticnonce":"aaaaaaaaaaaaaaaa"',
  '"semanticsignature":"v1.main.',
  '"semantictags":"a,b"',
  '"subject":null',
  '"__proto__":',
  '"constructor":',
  '"toString":',
  '"toJSON":',
  '"length":',
  '"then":',
  '"polluted"',
  'null',
  'true',
  'false',
  '-0',
  '0.1',
  '1e400',
  '1e-400',
  '12345678901234567890',
  '5e-324',
  '1E+21',
  '\\u0000',
  '\\ud800',
  '\\udc00\\ud800',
  '\\ud83d\\ude00',
  '\\"',
  '\\/',
  '{"a":',
  '[[[[[[[[',
  ']]]]]]]]',
  '**',
  '*.',
];

export const SEEDS = [
  '{"type":"auth","token":"x"}',
  '{"type":"ping"}',
  '{"type":"subscribe","patterns":["ui.*","chat.**"],"since":"1-0","signatures":"broadcast","id":"1"}',
  '{"type":"unsubscribe","patterns":["ui.*"]}',
  '{"event":"name","data":{"a":1}}',
  '{"specversion":"1.0","type":"ui.click","source":"app","id":"1"}',
  '{"type":"event","event":{"specversion":"1.0","type":"ui.click","source":"app","id":"1","time":"2026-11-23T10:00:00Z","subject":"s","datacontenttype":"application/json","data":{"n":[1,0.5,-7e-9,"é😀",null,true,{"10":1,"9":2}]},"semanticnonce":"aaaaaaaaaaaaaaaa","semanticintent":"x","semantictags":"a,b","semanticcorrelationid":"c","xnumber":7,"xyes":true}}',
  '{"specversion":"1.0","type":"a","source":"b","id":"c","data_base64":"AAAA","dataschema":"https://x","semanticsignature":"v1.main.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}',
];

const MAX_LENGTH = 4_096;

/** Returns a seeded generator (Mulberry32), so that a crash can be reproduced. */
export function randomOf(seed) {
  let state = seed >>> 0;
  return limit => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** @param random returns a whole number below its argument */
export function mutate(text, other, random) {
  let mutant = text;
  for (let times = 1 + random(2); times > 0; times--) mutant = once(mutant, other, random);
  return mutant.length > MAX_LENGTH ? mutant.slice(0, MAX_LENGTH) : mutant;
}

function once(text, other, random) {
  const at = random(text.length + 1);
  const end = Math.min(text.length, at + 1 + random(12));
  const splice = (piece, to = at) => text.slice(0, at) + piece + text.slice(to);
  switch (random(14)) {
    case 0:
      return splice('', end);
    case 1:
      return splice(PIECES[random(PIECES.length)]);
    case 2:
      return splice(PIECES[random(PIECES.length)], end);
    case 3:
      return splice(String.fromCharCode(random(4) ? random(128) : random(65_536)), at + 1);
    case 4:
      return splice(text.slice(at, end).repeat(1 + random(20)), end);
    case 5:
      return splice(other.slice(random(other.length + 1)));
    default:
      return ofMembers(text, other, random) ?? splice(PIECES[random(PIECES.length)]);
  }
}

/** Changes the meaning of a text instead of its spelling, if it is valid JSON. */
function ofMembers(text, other, random) {
  let value;
  let donor;
  try {
    value = JSON.parse(text);
    donor = JSON.parse(other);
  } catch {
    return undefined;
  }
  let place = value;
  if (isObject(place?.event)) place = place.event;
  while (isObject(place?.data) && random(2)) place = place.data;
  if (!isObject(place) || !isObject(donor)) return undefined;
  const source = isObject(donor.event) ? donor.event : donor;
  const names = Object.keys(random(2) ? source : place);
  const name = names[random(names.length || 1)] ?? 'data';
  if (random(4) === 0) Reflect.deleteProperty(place, name);
  else if (random(2)) place[name] = source[name] ?? VALUES[random(VALUES.length)];
  else place[`${name}${random(2) ? '' : random(40)}`] = VALUES[random(VALUES.length)];
  return JSON.stringify(value);
}

const VALUES = [
  '',
  'a',
  'a.b',
  null,
  true,
  0,
  -1,
  0.5,
  2 ** 31,
  1e21,
  [],
  {},
  [[[]]],
  { a: { b: [] } },
  'é',
  '\u0000',
  'x'.repeat(300),
];

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
