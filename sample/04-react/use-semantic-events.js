import { useEffect, useRef, useSyncExternalStore } from 'react';

/** Connects a client while a component is mounted. Returns the state of the client. */
export function useConnection(client) {
  useEffect(() => {
    // The client reports a failure as its state and as an `error` event.
    client.connect().catch(() => undefined);
    return () => client.disconnect();
  }, [client]);
  return useSyncExternalStore(
    changed => client.on('state', changed),
    () => client.state,
    () => 'idle',
  );
}

/**
 * Calls a handler with the events of a pattern while a component is mounted. With the option `scope: 'own'`, only events that are
 * addressed to this client arrive, such as those of its rooms.
 */
export function useEvents(client, pattern, handler, { scope } = {}) {
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(
    () => client.subscribe(pattern, event => latest.current(event), { scope }),
    [client, pattern, scope],
  );
}
