/** A callback slot that takes whatever event type a WebSocket implementation declares. */
type Slot<E> = { bivariant(event: E): void }['bivariant'] | null;

/** What a client needs of a WebSocket: those of browsers, Node ≥ 22 and the `ws` package have it. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: Slot<unknown>;
  onmessage: Slot<{ readonly data: unknown }>;
  onerror: Slot<unknown>;
  onclose: Slot<{ readonly code: number; readonly reason: string }>;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocol: string) => WebSocketLike;
