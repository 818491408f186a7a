import { Logger } from '@nestjs/common';
import type { EventAuthorizer } from '../../../lib/auth/index.js';
import type { CursorSeal } from '../../../lib/mesh/index.js';
import type { EventFeed } from '../../../lib/mesh/event-feed.js';
import { KnownRights } from '../../../lib/mesh/known-rights.js';
import { ListeningRights } from '../../../lib/mesh/listening-rights.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { captureLog } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const failing = () => {
  throw new TypeError('database away');
};

describe('a right to listen that cannot be decided', () => {
  it.each(['canSubscribe', 'canJoin'] as const)('names %s, which failed', method => {
    captureLog();
    const authorizer = { canSubscribe: failing, canJoin: failing } as unknown as EventAuthorizer;
    const rights = new ListeningRights(
      resolvedOptions(),
      authorizer,
      undefined as unknown as CursorSeal,
      new KnownRights(undefined as unknown as EventFeed),
      new Logger('test'),
    );
    const decide = { canSubscribe: rights.toPattern, canJoin: rights.toRoom }[method];
    let refusal: unknown;
    try {
      void decide.call(rights, clientAt('192.0.2.1', 'bob'), 'ui');
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(RefusalError);
    expect(refusal).toMatchObject({
      code: 'UNAVAILABLE',
      reason: expect.stringMatching(`^EventAuthorizer\\.${method}: `),
    });
  });
});
