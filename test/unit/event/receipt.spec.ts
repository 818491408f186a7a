import {
  compatibleFrameOf,
  createEvent,
  DEFAULT_EVENT_LIMITS,
  jsonOf,
  markReceived,
  oncePerEvent,
  receivedAs,
  receiveEvent,
  unverifiedOf,
  withJson,
} from '../../../lib/event/index.js';

const event = () => createEvent({ type: 'ui.click', source: '/app', id: 'e-1' }, 0);

describe('receipt', () => {
  it.each(['event', 'nest'] as const)('records that an event came in a %s frame', form => {
    const received = event();
    markReceived(received, form);

    expect(receivedAs(received)).toBe(form);
  });

  it('belongs to the validated object only, not to an equal one', () => {
    const received = event();
    markReceived(received, 'event');

    const { data, ...rest } = received;
    for (const other of [
      { ...received },
      { ...received, type: 'ui.other' },
      { data, ...rest },
      Object.assign({}, received),
      Object.create(received) as unknown,
      structuredClone(received),
      new Proxy(received, {}),
      event(),
    ])
      expect(receivedAs(other)).toBeUndefined();
  });

  it('leaves nothing on the event that a client could forge or a handler could see', () => {
    const received = event();
    markReceived(received, 'event');

    expect(received).toStrictEqual(event());
    expect(Reflect.ownKeys(received)).toEqual(Reflect.ownKeys(event()));
  });

  it.each([undefined, null, 'event', 1, true])('does not exist for %j', value => {
    expect(receivedAs(value)).toBeUndefined();
  });

  it('is made for a valid event, in an event frame', () => {
    const received = receiveEvent(event(), DEFAULT_EVENT_LIMITS);
    expect(receivedAs(received)).toBe('event');
    expect(() => receiveEvent({ ...event(), type: '' }, DEFAULT_EVENT_LIMITS)).toThrow(
      expect.objectContaining({ code: 'INVALID_EVENT' }),
    );
  });

  it('has the frame and the unverified attributes of the compatible mode, and of no other event', () => {
    const [compatible, native] = [event(), event()];
    markReceived(compatible, 'event', { frame: '{}', unverified: { subject: 'x' } });
    markReceived(native, 'event');
    expect([compatible, native, event()].map(compatibleFrameOf)).toEqual([
      '{}',
      undefined,
      undefined,
    ]);
    expect([compatible, native, event()].map(unverifiedOf)).toEqual([{ subject: 'x' }, {}, {}]);
  });

  it('runs work once for a received event, and each time for another one', () => {
    const received = event();
    markReceived(received, 'event');
    let runs = 0;
    const act = () => ++runs;
    expect([oncePerEvent(received, act), oncePerEvent(received, act)]).toEqual([1, 1]);
    const own = event();
    expect([oncePerEvent(own, act), oncePerEvent(own, act)]).toEqual([2, 3]);
  });
});

describe('the JSON of an event', () => {
  const json = Buffer.from('{}');

  it('is known for this event only, and only while the function runs', () => {
    const parsed = event();
    const found = withJson(parsed, json, () => [jsonOf(parsed), jsonOf(event())]);
    expect(found).toEqual([json, undefined]);
    expect(jsonOf(parsed)).toBeUndefined();
  });

  it('is forgotten if the function throws', () => {
    const parsed = event();
    expect(() =>
      withJson(parsed, json, () => {
        throw new Error('handler');
      }),
    ).toThrow('handler');
    expect(jsonOf(parsed)).toBeUndefined();
  });
});
