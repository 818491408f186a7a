import {
  type ClientSession,
  type EventStream,
  SemanticEventsClient,
  type SemanticEvent,
  type SemanticEventsClientError,
  type TypedEvent,
  type Unsubscribe,
} from '../../lib/client/index.js';
import { WebSocket as WsWebSocket } from 'ws';
import { useConnection, useEvents } from '../../sample/04-react/use-semantic-events.js';
import type { Equal } from './equal.js';

interface Events {
  'chat.said': { text: string };
  'chat.left': undefined;
  'chat.room.opened': { room: string };
  'demo.echo': string;
  'demo.echo.reply': string;
  ui: number;
}

declare const typed: SemanticEventsClient<Events>;
declare const open: SemanticEventsClient;

/** Whether a value has exactly this type, and not only an assignable one. */
const is =
  <A>() =>
  <B>(_value: B, equal: Equal<A, B>): boolean =>
    equal;

/** Never called: only its types are checked. */
export function Component() {
  is<'idle' | 'connecting' | 'connected' | 'waiting' | 'closed'>()(useConnection(typed), true);
  useEvents(typed, 'chat.said', ({ data }) => is<string>()(data.text, true));
  useEvents(typed, 'chat.*', ({ type }) => is<'chat.said' | 'chat.left'>()(type, true), {
    scope: 'own',
  });
  useEvents(open, '**', ({ data }) => is<unknown>()(data, true));
}

/** Never called: only its types are checked. */
export async function client() {
  new SemanticEventsClient({ url: '/events', getToken: async () => null });
  // Accepts the sockets of ws.
  new SemanticEventsClient({ url: '/events', getToken: () => 'token', WebSocket: WsWebSocket });
  // @ts-expect-error getToken is required
  new SemanticEventsClient({ url: '/events' });
  // @ts-expect-error it is not a number
  new SemanticEventsClient({ url: '/events', getToken: () => 5 });
  // @ts-expect-error there is no such option
  new SemanticEventsClient({ url: '/events', getToken: () => 'token', retries: 5 });

  const session: Equal<Awaited<ReturnType<typeof typed.connect>>, ClientSession> = true;
  const id: string = await typed.emit('chat.said', { text: 'hi' });
  await typed.emit('chat.said', { text: 'hi' }, { attributes: { subject: 'room', priority: 1 } });
  await typed.emit('chat.left');
  // @ts-expect-error data is required
  await typed.emit('chat.said');
  // @ts-expect-error data has another type
  await typed.emit('chat.said', { txt: 'hi' });
  // @ts-expect-error there is no such event
  await typed.emit('chat.sad', { text: 'hi' });
  // @ts-expect-error an attribute must not be an object
  await typed.emit('chat.left', undefined, { attributes: { subject: {} } });
  // @ts-expect-error an event without an answer has no timeout
  await typed.emit('chat.left', undefined, { timeout: 5 });

  const echo = await typed.request('demo.echo', 'hi', { timeout: 500 });
  const reply: Equal<typeof echo, TypedEvent<Events, 'demo.echo.reply'>> = true;
  const text: string = echo.data;
  const untyped = await typed.request('chat.said', { text: 'hi' });
  const unknownReply = is<SemanticEvent>()(untyped, true);

  const stop: Unsubscribe = typed.subscribe('chat.said', event => event.data.text);
  await stop.ready;
  typed.subscribe('chat.*', event => {
    const types: Equal<typeof event.type, 'chat.said' | 'chat.left'> = true;
    // The event type determines the data type.
    return event.type === 'chat.said' ? event.data.text : types;
  });
  typed.subscribe(['ui.**', 'chat.**'], ({ type }) =>
    is<'ui' | 'chat.said' | 'chat.left' | 'chat.room.opened'>()(type, true),
  );
  typed.subscribe('**.opened', event => event.data.room);
  typed.subscribe('chat.*.opened', event => event.data.room);
  typed.subscribe('**', ({ type }) => is<keyof Events>()(type, true));
  // A type that the map lacks is any event.
  typed.subscribe('system.*', event => is<SemanticEvent>()(event, true));
  typed.subscribe(id, event => is<SemanticEvent>()(event, true));
  // @ts-expect-error the data has another type
  typed.subscribe('chat.said', event => event.data.room);

  const stream: Equal<
    EventStream<TypedEvent<Events, 'ui'>>,
    ReturnType<typeof typed.events<'ui'>>
  > = true;
  for await (const { data } of typed.events('ui')) data.toFixed();

  typed.on('error', ({ code, retryAfter }) => [code === 'RATE_LIMITED', retryAfter]);
  const error: Equal<
    Parameters<Parameters<typeof typed.on<'error'>>[1]>[0],
    SemanticEventsClientError
  > = true;
  typed.on('state', ({ state, retryIn }) => [state === 'waiting', retryIn]);
  // @ts-expect-error there is no such state
  typed.on('state', ({ state }) => state === 'open');
  // @ts-expect-error there is no such event of a client
  typed.on('message', () => undefined);

  // Without a map, every type is allowed.
  await open.emit('anything', { at: 'all' });
  await open.emit('anything');
  const answer = await open.request('anything');
  const anyReply = is<SemanticEvent>()(answer, true);
  open.subscribe('a.*', event => is<SemanticEvent>()(event, true));
  // @ts-expect-error a type is a string
  await open.emit(5);
  return { session, reply, text, unknownReply, stream, error, anyReply };
}
