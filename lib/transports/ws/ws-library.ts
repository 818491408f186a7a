import type { Provider } from '@nestjs/common';
import type { WebSocketServer } from 'ws';

/** DI token of the `WebSocketServer` class of ws; null if the package is not installed. */
export const WS_LIBRARY = Symbol('WS_LIBRARY');

/** Loads ws while the application starts: an adapter must create its servers synchronously. */
export const WS_LIBRARY_PROVIDER: Provider = {
  provide: WS_LIBRARY,
  useFactory: (): Promise<typeof WebSocketServer | null> =>
    import('ws').then(
      ws => ws.WebSocketServer,
      // An application with Socket.IO does not need ws.
      () => null,
    ),
};
