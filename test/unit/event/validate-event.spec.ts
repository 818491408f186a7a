import { validateEvent } from '../../../lib/event/index.js';

const event = (attributes: Record<string, unknown> = {}): Record<string, unknown> => ({
  specversion: '1.0',
  type: 'ui.click',
  source: '/app',
  id: 'e-1',
  ...attributes,
});

const refused = expect.objectContaining({ name: 'RefusalError', code: 'INVALID_EVENT' });
const expectRefused = (value: unknown) => {
  expect(() => {
    validateEvent(value);
  }).toThrow(refused);
};
const expectAccepted = (value: unknown) => {
  expect(() => {
    validateEvent(value);
  }).not.toThrow();
};

describe('validateEvent', () => {
  it.each([undefined, null, 'event', 1, true, [], [event()]])(
    'rejects %j, which is not an object',
    value => {
      expectRefused(value);
    },
  );

  it('accepts an event with the required attributes only', () => {
    expectAccepted(event());
  });

  it('accepts an event with every attribute of CloudEvents and this library', () => {
    expectAccepted(
      event({
        time: '2026-11-23T10:00:00Z',
        subject: 'button-1',
        datacontenttype: 'application/json',
        dataschema: 'https://example.com/click.json',
        data: { x: 1, y: [true, null, 'ü'] },
        semanticnonce: 'a'.repeat(16),
        semanticsignature: 'v1.key.mac',
        semanticintent: 'activate',
        semantictags: 'a,b',
        semanticcorrelationid: 'e-0',
      }),
    );
  });

  it.each(['0.3', '1.0.2', '1', 1, 1.0, '', null, undefined])(
    'rejects specversion %j',
    specversion => {
      expectRefused(event({ specversion }));
    },
  );

  describe.each([
    ['type', 256],
    ['source', 2048],
    ['id', 256],
  ])('%s', (name, maxLength) => {
    it.each([undefined, null, '', 0, 1, true, [], {}, ['text']])('rejects %j', value => {
      expectRefused(event({ [name]: value }));
    });

    it(`accepts ${maxLength} characters and not one more`, () => {
      expectAccepted(event({ [name]: 'x'.repeat(maxLength) }));
      expectRefused(event({ [name]: 'x'.repeat(maxLength + 1) }));
    });
  });

  describe.each(['subject', 'dataschema'])('%s', name => {
    it.each([undefined, null, 'urn:text'])('accepts %j', value => {
      expectAccepted(event({ [name]: value }));
    });

    it.each(['', 0, false, [], {}])('rejects %j', value => {
      expectRefused(event({ [name]: value }));
    });

    it('accepts 2048 characters and not one more', () => {
      expectAccepted(event({ [name]: `u:${'x'.repeat(2046)}` }));
      expectRefused(event({ [name]: `u:${'x'.repeat(2047)}` }));
    });
  });

  it.each([undefined, null, '2026-11-23T10:00:00Z', '2026-11-23T10:00:00.123456789+01:00'])(
    'accepts time %j',
    time => {
      expectAccepted(event({ time }));
    },
  );

  it.each([
    '',
    'now',
    '2026-11-23',
    '2026-11-23T10:00:00',
    '10000-01-01T00:00:00Z',
    0,
    true,
    [],
    {},
  ])('rejects time %j', time => {
    expectRefused(event({ time }));
  });

  it.each(['a'.repeat(16), 'a'.repeat(128), 'AZaz09_-AZaz09_-', undefined, null])(
    'accepts semanticnonce %j',
    semanticnonce => {
      expectAccepted(event({ semanticnonce }));
    },
  );

  it.each([
    '',
    'a'.repeat(15),
    'a'.repeat(129),
    'a'.repeat(15) + '.',
    `${'a'.repeat(16)}\n`,
    1e15,
    true,
    [],
  ])('rejects semanticnonce %j', semanticnonce => {
    expectRefused(event({ semanticnonce }));
  });
});
