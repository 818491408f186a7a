/** A callback property that accepts the event type of any WebSocket implementation. */
type Slot<E> = { bivariant(event: E): void }['bivariant'] | null;

/** The part of a WebSocket that the client uses. Browsers, Node ≥ 22 and the `ws` package have it. */
export interface WebSocketLike {
  /** 1 if it is open. */
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
