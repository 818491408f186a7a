import { createEvent, markReceived, receivedAs } from '../../../lib/event/index.js';

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
});
