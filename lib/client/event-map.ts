import type { SemanticEvent } from '../event/semantic-event.js';

/**
 * The map of a set of schemas by event type: the type of `data` as it travels, before a schema transforms it. The schemas are
 * those of zod, valibot, arktype, or another package with Standard Schema.
 */
export type EventsOf<Schemas> = {
  [T in keyof Schemas & string]: Schemas[T] extends {
    readonly '~standard': { readonly types?: infer Types };
  }
    ? NonNullable<Types> extends { readonly input: infer Input }
      ? Input
      : never
    : never;
};

/** The event types of a map: an interface with the type of `data` by event type. */
export type EventType<Events> = keyof Events & string;

/** An event of a map, with its own `data`. */
export type TypedEvent<Events, T extends EventType<Events> = EventType<Events>> = T extends unknown
  ? SemanticEvent<Events[T]> & { type: T; data: Events[T] }
  : never;

/** The reply to an event: `<type>.reply` of the map, if it exists. */
export type ReplyTo<Events, T extends string> =
  string extends EventType<Events>
    ? SemanticEvent
    : `${T}.reply` extends EventType<Events>
      ? TypedEvent<Events, `${T}.reply`>
      : SemanticEvent;

/** The events of a map that match a pattern; any event if none matches. */
export type Matching<Events, P extends string> = string extends P | EventType<Events>
  ? SemanticEvent
  : [MatchingType<EventType<Events>, P>] extends [never]
    ? SemanticEvent
    : TypedEvent<Events, MatchingType<EventType<Events>, P> & EventType<Events>>;

/** The arguments after the event type. `data` is optional if it may be undefined. */
export type DataArguments<Data, Options> = undefined extends Data
  ? [data?: Data, options?: Options]
  : [data: Data, options?: Options];

type MatchingType<T extends string, P extends string> = P extends unknown
  ? T extends unknown
    ? Matches<T, P> extends true
      ? T
      : never
    : never
  : never;

/** Matches one segment with `*` and zero or more with `**`, like `matchesPattern`. */
type Matches<T extends string, P extends string> = P extends T | '**'
  ? true
  : P extends `**.${infer Rest}`
    ? Matches<T, Rest> extends true
      ? true
      : T extends `${string}.${infer Tail}`
        ? Matches<Tail, P>
        : false
    : P extends `${infer Head}.${infer Rest}`
      ? T extends `${infer Name}.${infer Tail}`
        ? Segment<Name, Head> extends true
          ? Matches<Tail, Rest>
          : false
        : Segment<T, Head> extends true
          ? Rest extends '**'
            ? true
            : false
          : false
      : T extends `${string}.${string}`
        ? false
        : Segment<T, P>;

type Segment<Name extends string, Pattern extends string> = Pattern extends '*' | Name
  ? true
  : false;
