import {
  encodeEvent,
  eventJsonIn,
  nestJsonIn,
  selectSubprotocol,
  subprotocolOf,
} from '../../../../lib/connection/guarded/subprotocol.js';
import { CLOUDEVENTS_PROTOCOL, NATIVE_PROTOCOL } from '../../../../lib/protocol/index.js';

const BOTH = [NATIVE_PROTOCOL, CLOUDEVENTS_PROTOCOL] as const;

describe('the sub-protocol', () => {
  it('is the first offered one that the server supports, or none', () => {
    const select = (...offered: string[]) => selectSubprotocol(new Set(offered));
    for (const name of BOTH) expect(select('other', name)).toBe(name);
    expect(select(CLOUDEVENTS_PROTOCOL, NATIVE_PROTOCOL)).toBe(CLOUDEVENTS_PROTOCOL);
    expect(select('semantic-events.v2', '')).toBe(false);
    expect(select()).toBe(false);
  });

  it('of a socket that has selected none is the native one', () => {
    for (const name of BOTH) expect(subprotocolOf(name)).toBe(name);
    for (const name of ['', 'other']) expect(subprotocolOf(name)).toBe(NATIVE_PROTOCOL);
  });

  it.each(BOTH)('%s has a frame whose JSON of the event is found again', subprotocol => {
    const json = '{"specversion":"1.0","data":"ü"}';
    const frame = encodeEvent(json, subprotocol);
    expect(JSON.parse(frame)).toEqual(
      subprotocol === NATIVE_PROTOCOL
        ? { type: 'event', event: JSON.parse(json) as unknown }
        : JSON.parse(json),
    );
    expect(eventJsonIn(Buffer.from(frame), subprotocol)?.toString()).toBe(json);
  });

  it('has no known JSON of an event in a frame that is written otherwise', () => {
    for (const frame of ['{"event":{},"type":"event"}', '{ "type":"event","event":{}}', '{}', ''])
      expect(eventJsonIn(Buffer.from(frame), NATIVE_PROTOCOL)).toBeUndefined();
  });

  it("has the JSON of the data in Nest's usual frame of exactly this message", () => {
    const frame = Buffer.from('{"event":"a\\"b","data":{"x":1}}');
    expect(nestJsonIn(frame, 'a"b')?.toString()).toBe('{"x":1}');
    for (const message of ['a', 'a"', 'a"c']) expect(nestJsonIn(frame, message)).toBeUndefined();
  });
});
