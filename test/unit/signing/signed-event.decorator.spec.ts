import { GUARDS_METADATA } from '@nestjs/common/internal';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import {
  SignedEvent,
  SignedEventGuard,
  type SignedEventOptions,
} from '../../../lib/signing/index.js';
import { SIGNED_EVENT } from '../../../lib/signing/signed-event.guard.js';

const problemsOf = (options: unknown): readonly string[] => {
  try {
    SignedEvent(options as SignedEventOptions);
    return [];
  } catch (error) {
    if (error instanceof SemanticEventsConfigError) return error.problems;
    throw error;
  }
};

describe('@SignedEvent', () => {
  it.each([
    undefined,
    {},
    { keys: undefined },
    { keys: 'session' },
    { keys: 'ring' },
    { keys: 'any' },
  ])('accepts %j', options => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each([{ keys: 'all' }, { keys: '' }, { keys: null }, { keys: ['ring'] }])(
    'rejects %j at class definition',
    options => {
      expect(problemsOf(options)).toEqual([
        "@SignedEvent: keys must be 'session', 'ring' or 'any'",
      ]);
    },
  );

  it('names unknown options', () => {
    expect(problemsOf({ key: 'ring' })).toEqual([expect.stringMatching(/^@SignedEvent.*\bkey\b/)]);
  });

  it('reports every problem at once', () => {
    expect(problemsOf({ keys: 'all', key: 'ring', maxAge: 1 })).toHaveLength(3);
  });

  it('attaches the guard to the handler once, with a copy of the options', () => {
    const options: SignedEventOptions = { keys: 'ring' };
    class Gateway {
      @SignedEvent(options)
      @SignedEvent()
      on() {}
    }
    options.keys = 'any';
    const { on } = Gateway.prototype;
    expect(Reflect.getMetadata(GUARDS_METADATA, on)).toEqual([SignedEventGuard]);
    expect(Reflect.getMetadata(SIGNED_EVENT, on)).toEqual({ keys: 'ring' });
  });
});
