import {
  checkDeclaration,
  handlersOf,
  OnSemanticEvent,
} from '../../../lib/mesh/on-semantic-event.decorator.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';

const problemsOf = (patterns: unknown, options: object = {}) => {
  try {
    checkDeclaration({ patterns: patterns as string[], options: options });
  } catch (error) {
    return (error as SemanticEventsConfigError).problems;
  }
  return [];
};
const PATTERNS = '@OnSemanticEvent needs patterns such as chat.** without empty segments';

describe('@OnSemanticEvent', () => {
  it('stores each of its declarations with the method, in the order of their evaluation', () => {
    class Plain {
      @OnSemanticEvent('b', { priority: 1 })
      @OnSemanticEvent(['a', 'c'])
      on() {}
    }
    const { value } = Object.getOwnPropertyDescriptor(Plain.prototype, 'on')!;
    expect(handlersOf(value as object)).toEqual([
      { patterns: ['a', 'c'], options: {} },
      { patterns: ['b'], options: { priority: 1 } },
    ]);
    expect(handlersOf(Plain)).toEqual([]);
    expect(() => OnSemanticEvent('a..b')).toThrow(SemanticEventsConfigError);
  });

  it.each<[patterns: unknown, options: object, problems: string[]]>([
    [['a', 'b.**'], {}, []],
    [
      ['a'],
      { priority: -1.5, timeout: 1, retries: 100, concurrency: 1, delivery: 'each-node' },
      [],
    ],
    [['a'], { filter: () => true, delivery: 'once', deadLetter: 'failed.a' }, []],
    [[], {}, ['@OnSemanticEvent needs a pattern']],
    [['a..b'], {}, [PATTERNS]],
    [[7], {}, [PATTERNS]],
    [['a'], { priority: NaN }, ['@OnSemanticEvent.priority must be a number']],
    [['a'], { delivery: 'twice' }, [expect.stringMatching(/^@OnSemanticEvent\.delivery must be/)]],
    [['a'], { retries: -1 }, [expect.stringMatching(/^@OnSemanticEvent\.retries must be/)]],
    [['a'], { retries: 101 }, [expect.stringMatching(/^@OnSemanticEvent\.retries must be/)]],
    [['a'], { concurrency: 0 }, [expect.stringMatching(/^@OnSemanticEvent\.concurrency must/)]],
    [['a'], { timeout: 0.5 }, [expect.stringMatching(/^@OnSemanticEvent\.timeout must/)]],
    [['a'], { filter: 'x' }, [expect.stringMatching(/^@OnSemanticEvent\.filter must/)]],
    [['a'], { retry: 1 }, [expect.stringMatching(/^@OnSemanticEvent\.retry/)]],
    ...[7, 'a.*', 'a..b', ''].map(
      deadLetter =>
        [
          ['x'],
          { deadLetter, delivery: 'once' },
          ['@OnSemanticEvent.deadLetter must be an event type such as failed.orders'],
        ] as [unknown, object, string[]],
    ),
    [
      ['a.*'],
      { deadLetter: 'a.b' },
      [
        '@OnSemanticEvent.deadLetter must not match the patterns of its own handler',
        "@OnSemanticEvent.deadLetter needs delivery: 'once'",
      ],
    ],
  ])('of %j with %j has exactly these problems', (patterns, options, problems) => {
    expect(problemsOf(patterns, options)).toEqual(problems);
  });
});
