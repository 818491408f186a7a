/** Names of attributes. What they stand for is bounded: nothing a peer has chosen becomes a label. */
export const EVENT_TYPE = 'semantic_events.event.type';
export const STORE = 'semantic_events.store.name';
/** By OpenTelemetry's conventions: class and method. */
export const FUNCTION = 'code.function.name';
export const ERROR_TYPE = 'error.type';

/** What stands for every event type that has no handler. */
export const OTHER_TYPE = 'other';
/** What OpenTelemetry's conventions have stand for an error that has no code. */
export const OTHER_ERROR = '_OTHER';
