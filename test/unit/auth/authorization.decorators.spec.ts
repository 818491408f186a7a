import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { Authorize, type Authorization, Roles } from '../../../lib/auth/index.js';
import { GUARDS_METADATA } from '../../../lib/handler/nest-metadata.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import { captureLog } from '../../helpers/log-capture.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { clientAt, wsContext } from '../../helpers/ws-context.js';

/** Returns instances of the guards that the decorators attach to a method. */
function guardsOf(...decorators: MethodDecorator[]): {
  context(data: unknown): ExecutionContext;
  guards: CanActivate[];
} {
  class Gateway {
    handle(): void {
      // Only its metadata matters.
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Gateway.prototype, 'handle')!;
  for (const decorator of decorators) decorator(Gateway.prototype, 'handle', descriptor);
  const handler = descriptor.value as () => void;
  const attached = Reflect.getMetadata(GUARDS_METADATA, handler) as Type<CanActivate>[];
  return {
    context: data => wsContext(Gateway, 'handle', { data, client: clientAt('192.0.2.1', 'alice') }),
    guards: attached.map(guard => new guard()),
  };
}

const event = { specversion: '1.0', type: 'handle', source: 's', id: '1' };

describe('@Authorize', () => {
  it.each([undefined, null, 'admin', {}])('rejects %p, which is not a function', wrong => {
    expect(() => Authorize(wrong as never)).toThrow(
      new SemanticEventsConfigError(['@Authorize needs a function']),
    );
  });

  it('calls a synchronous check synchronously, with the client and the event', () => {
    const calls: unknown[] = [];
    const check: Authorization = (client, given) => {
      calls.push([client.user?.id, given]);
      return true;
    };
    const { context, guards } = guardsOf(Authorize(check));
    expect(guards[0]!.canActivate(context(event))).toBe(true);
    expect(calls).toEqual([['alice', event]]);
  });

  it('attaches one guard per check, so that every check must allow', () => {
    const { guards } = guardsOf(
      Authorize(() => true),
      Authorize(() => false),
      Roles('admin'),
    );
    expect(guards).toHaveLength(3);
  });

  it.each([
    ['throws', (text: string) => () => JSON.parse(text) as boolean],
    ['rejects', (text: string) => () => Promise.reject(new Error(text))],
  ])(
    'does not log the message of a check that %s at level error, and logs it on one line at debug',
    async (_, checkOf) => {
      const log = captureLog();
      const { context, guards } = guardsOf(Authorize(checkOf('x\nERROR forged')));
      const refused = async () => guards[0]!.canActivate(context(event));
      await expect(refused()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(log.map(({ level }) => level)).toEqual(['error', 'debug']);
      expect(log[0]!.text).not.toContain('forged');
      expect(log[1]!.text).toContain('forged');
      expect(log[1]!.text).not.toMatch(/^ERROR forged/m);
    },
  );

  it('distinguishes invalid events from forbidden ones', () => {
    const { context, guards } = guardsOf(Authorize(() => false));
    expect(refusalOf(() => guards[0]!.canActivate(context(event)))).toBe('FORBIDDEN');
    expect(refusalOf(() => guards[0]!.canActivate(context({ type: 'x' })))).toBe('INVALID_EVENT');
  });
});

it.each([
  ['@Authorize', Authorize(() => false)],
  ['@Roles(admin, editor)', Roles('admin', 'editor')],
])('%s tells operators which check forbade an event', (name, decorator) => {
  const { context, guards } = guardsOf(decorator);
  expect(() => guards[0]!.canActivate(context(event))).toThrow(
    expect.objectContaining({ code: 'FORBIDDEN', reason: `${name} said no` }) as Error,
  );
});

describe('@Roles', () => {
  it.each([[[]], [['']], [['admin', 7]]])(
    'rejects %j, which is not a list of role names',
    roles => {
      expect(() => Roles(...(roles as string[]))).toThrow(
        new SemanticEventsConfigError(['@Roles must name at least one role']),
      );
    },
  );
});
