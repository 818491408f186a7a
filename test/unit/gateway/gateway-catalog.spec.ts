import type { ModulesContainer } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { GatewayCatalog, normalizePath } from '../../../lib/gateway/gateway-catalog.js';
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
  return new GatewayCatalog(resolvedOptions({ connection }), modules);
};
const at = (path: string, port = 0) => ({ port, path });

describe('handler', () => {
  const publicOf = (...gateways: object[]) =>
    catalogOf(gateways)
      .list()
      .flatMap(({ handlers }) => handlers)
      .filter(({ isPublic }) => isPublic)
      .map(({ message }) => message);

  it('is public by its own @Public() or that of its gateway', () => {
    expect(publicOf(Mixed)).toEqual(['open']);
    expect(publicOf(AllPublic)).toEqual(['constructor']);
    expect(publicOf(SameMessages)).toEqual([]);
    expect(publicOf(NoGateway)).toEqual([]);
  });

  it('is public if inherited only by its own @Public()', () => {
    class InheritedPublic extends AllPublic {}
    expect(publicOf(Inherited)).toEqual(['open']);
    expect(publicOf(InheritedPublic)).toEqual([]);
    expect(catalogOf([InheritedPublic]).isOpen(at('/all', 8099))).toBe(false);
  });

  it('of a public gateway is not public with @Public(false)', () => {
    @WebSocketGateway({ path: '/lobby' })
    @Public()
    class Lobby {
      @SubscribeMessage('hello')
      hello() {
        return 'hello';
      }

      @SubscribeMessage('kick')
      @Public(false)
      kick() {
        return 'kicked';
      }
    }
    expect(publicOf(Lobby)).toEqual(['hello']);
  });
});

describe('endpoint', () => {
  it('is open to unauthenticated clients only if a whole gateway is public', () => {
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

  it('is looked up by a path in less than quadratic time', () => {
    const path = `a${'/'.repeat(30_000)}x`;
    expect(leastCpuTime(() => normalizePath(path))).toBeLessThan(200);
  });
});

describe('endpoint options', () => {
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

  it('default to those of the module', () => {
    const connection = { origins: ['https://A.com:443'], maxMessageSize: 1_234 };
    const expected = { origins: ['https://a.com'], maxMessageSize: 1_234 };
    expect(optionsOf([gateway({})], connection)).toEqual(expected);
    expect(optionsOf([], connection)).toEqual(expected);
  });

  it('are normalized options of its gateway if set', () => {
    const own = gateway({ origins: ['HTTPS://*.B.com'], maxMessageSize: 99 });
    expect(optionsOf([gateway({}), own])).toEqual({
      origins: ['https://*.b.com'],
      maxMessageSize: 99,
    });
  });

  it('may allow no origins, whatever the module allows', () => {
    const own = optionsOf([gateway({ origins: [] })], { origins: ['https://a.com'] });
    expect(own.origins).toEqual([]);
  });

  it('are rejected if two gateways disagree, with an error that names every difference', () => {
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
  ])('are rejected if invalid: %j', (options, complaint) => {
    expect(problemsOf(gateway(options))).toEqual([
      expect.stringContaining(`@WebSocketGateway /own: ${complaint}`),
    ]);
  });
});
