import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { Authorize, type Authorization, Roles } from '../../../lib/auth/index.js';
import { GUARDS_METADATA } from '../../../lib/handler/nest-metadata.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import { captureLog } from '../../helpers/log-capture.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { clientAt, wsContext } from '../../helpers/ws-context.js';

/** The guards a decorator attaches to a method, made. */
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
  it.each([undefined, null, 'admin', {}])('needs a function, not %p', wrong => {
    expect(() => Authorize(wrong as never)).toThrow(SemanticEventsConfigError);
  });

  it('is asked at once where it answers at once', () => {
    const asked: unknown[] = [];
    const check: Authorization = (client, given) => {
      asked.push([client.user?.id, given]);
      return true;
    };
    const { context, guards } = guardsOf(Authorize(check));
    expect(guards[0]!.canActivate(context(event))).toBe(true);
    expect(asked).toEqual([['alice', event]]);
  });

  it('attaches a guard for each check, so that all must allow', () => {
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
  ])('logs in one line what a check that %s says of what a peer has sent', async (_, checkOf) => {
    const log = captureLog();
    const { context, guards } = guardsOf(Authorize(checkOf('x\nERROR forged')));
    const refused = async () => guards[0]!.canActivate(context(event));
    await expect(refused()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(log).toHaveLength(1);
    expect(log[0]!.text).toContain('forged');
    expect(log[0]!.text).not.toMatch(/^ERROR forged/m);
  });

  it('tells invalid events from forbidden ones', () => {
    const { context, guards } = guardsOf(Authorize(() => false));
    expect(refusalOf(() => guards[0]!.canActivate(context(event)))).toBe('FORBIDDEN');
    expect(refusalOf(() => guards[0]!.canActivate(context({ type: 'x' })))).toBe('INVALID_EVENT');
  });
});

describe('@Roles', () => {
  it.each([[[]], [['']], [['admin', 7]]])('must name roles, not %j', roles => {
    expect(() => Roles(...(roles as string[]))).toThrow(SemanticEventsConfigError);
  });
});
