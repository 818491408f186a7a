import { type ModulesContainer, Reflector } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { GatewayCatalog, normalizePath } from '../../../lib/adapter/gateway-catalog.js';
import { Public, SemanticEventsConfigError } from '../../../lib/index.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { leastCpuTime } from '../../helpers/cpu-time.js';

@WebSocketGateway({ path: '/mixed' })
class Mixed {
  @SubscribeMessage('open')
  @Public()
  open() {
    return 'open';
  }

  @SubscribeMessage('closed')
  closed() {
    return 'closed';
  }
}

@WebSocketGateway({ path: 'mixed/' })
class SameMessages {
  @SubscribeMessage('open')
  open() {
    return 'for users';
  }

  @SubscribeMessage('closed')
  closed() {
    return 'for users';
  }
}

@WebSocketGateway(8099, { path: '/all' })
@Public()
class AllPublic {
  @SubscribeMessage('constructor')
  handle() {
    return 'public';
  }
}

class Inherited extends Mixed {}
WebSocketGateway({ path: '/inherited' })(Inherited);

class NoGateway {
  @SubscribeMessage('open')
  @Public()
  open() {
    return 'no';
  }
}

const catalogOf = (gateways: object[], connection = {}) => {
  const isDependencyTreeStatic = () => true;
  const providers = new Map(
    gateways.map(metatype => [metatype, { metatype, isDependencyTreeStatic }]),
  );
  const modules = new Map([['module', { providers }]]) as unknown as ModulesContainer;
  return new GatewayCatalog(resolvedOptions({ connection }), modules, new Reflector());
};
const at = (path: string, port = 0) => ({ port, path });

describe('a message', () => {
  const publicOf = (gateways: object[], path: string, messages: string[], port = 0) => [
    ...catalogOf(gateways).factsOf(at(path, port), messages).publicMessages,
  ];

  it('is public by its handler or its gateway', () => {
    expect(publicOf([Mixed], '/mixed', ['open', 'closed'])).toEqual(['open']);
    expect(publicOf([AllPublic], '/all', ['constructor'], 8099)).toEqual(['constructor']);
    expect(publicOf([Inherited], '/inherited', ['open', 'closed'])).toEqual(['open']);
  });

  it('is not public where two gateways that cannot be told apart disagree', () => {
    for (const gateways of [
      [Mixed, SameMessages],
      [SameMessages, Mixed],
    ])
      expect(publicOf(gateways, '/mixed', ['open', 'closed'])).toEqual([]);
  });

  it('is not public on another path, port, among other messages, or in no gateway', () => {
    expect(publicOf([Mixed], '/', ['open', 'closed'])).toEqual([]);
    expect(publicOf([Mixed], '/mixed', ['open', 'closed'], 8099)).toEqual([]);
    expect(publicOf([Mixed], '/mixed', ['open'])).toEqual([]);
    expect(publicOf([NoGateway], '/', ['open'])).toEqual([]);
    expect(publicOf([], '/mixed', ['open', 'closed'])).toEqual([]);
  });
});

describe('an endpoint', () => {
  it('is open to all only where a whole gateway is public', () => {
    const catalog = catalogOf([Mixed, AllPublic]);
    expect(catalog.isOpen(at('/all', 8099))).toBe(true);
    expect(catalog.isOpen(at('/all'))).toBe(false);
    expect(catalog.isOpen(at('/mixed'))).toBe(false);
  });

  it.each([
    [undefined, '/'],
    ['/', '/'],
    ['events', '/events'],
    ['//events//', '/events'],
    ['/a/b/', '/a/b'],
    ['a//b///c', '/a//b///c'],
    ['///', '/'],
  ])('of the path %p is at %s', (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it('is told from a name that a peer made up in a time that does not grow with the square of it', () => {
    const path = `a${'/'.repeat(30_000)}x`;
    expect(leastCpuTime(() => normalizePath(path))).toBeLessThan(200);
  });
});

describe('the options of an endpoint', () => {
  const gateway = (options: object) => {
    class Some extends NoGateway {}
    WebSocketGateway({ path: '/own', ...options })(Some);
    return Some;
  };
  const optionsOf = (gateways: object[], connection = {}) =>
    catalogOf(gateways, connection).connectionOptionsAt(at('/own'));
  const problemsOf = (...gateways: object[]) => {
    try {
      optionsOf(gateways);
      return [];
    } catch (error) {
      expect(error).toBeInstanceOf(SemanticEventsConfigError);
      return (error as SemanticEventsConfigError).problems;
    }
  };

  it('are those of the module where its gateways say nothing', () => {
    const connection = { origins: ['https://A.com:443'], maxMessageSize: 1_234 };
    const expected = { origins: ['https://a.com'], maxMessageSize: 1_234 };
    expect(optionsOf([gateway({})], connection)).toEqual(expected);
    expect(optionsOf([], connection)).toEqual(expected);
  });

  it('are those of a gateway that says something, in the form they are compared in', () => {
    const own = gateway({ origins: ['HTTPS://*.B.com'], maxMessageSize: 99 });
    expect(optionsOf([gateway({}), own])).toEqual({
      origins: ['https://*.b.com'],
      maxMessageSize: 99,
    });
  });

  it('may be no origins at all, whatever the module allows', () => {
    const own = optionsOf([gateway({ origins: [] })], { origins: ['https://a.com'] });
    expect(own.origins).toEqual([]);
  });

  it('are refused, all of them by name, where two gateways disagree', () => {
    expect(
      problemsOf(
        gateway({ origins: ['https://a.com'], maxMessageSize: 1 }),
        gateway({ origins: ['https://b.com'], maxMessageSize: 2 }),
      ),
    ).toEqual([
      '@WebSocketGateway /own: origins differ between gateways that share it',
      '@WebSocketGateway /own: maxMessageSize differs between gateways that share it',
    ]);
  });

  it.each([
    [{ origins: ['myapp.com'] }, 'origins may name origins only'],
    [{ origins: 'https://a.com' }, 'origins must be a list of origins'],
    [{ maxMessageSize: 0 }, 'maxMessageSize must be a whole number'],
    [{ maxMessageSize: '1kB' }, 'maxMessageSize must be a whole number'],
    [{ maxMessageSize: null }, 'maxMessageSize must be a whole number'],
  ])('are refused where they are wrong: %j', (options, complaint) => {
    expect(problemsOf(gateway(options))).toEqual([
      expect.stringContaining(`@WebSocketGateway /own: ${complaint}`),
    ]);
  });
});
