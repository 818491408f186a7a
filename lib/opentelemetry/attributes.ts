/** Attribute names. Their values are bounded: a client cannot choose the value of a label. */
export const EVENT_TYPE = 'semantic_events.event.type';
export const STORE = 'semantic_events.store.name';
/** Class and method, by OpenTelemetry's conventions. */
export const FUNCTION = 'code.function.name';
/** An attribute of spans only: the reason of a rejection is free text. */
export const REFUSAL_REASON = 'semantic_events.refusal.reason';
export const ERROR_TYPE = 'error.type';

/** The value for all event types without a handler. */
export const OTHER_TYPE = 'other';
/** The value for an error without a code, by OpenTelemetry's conventions. */
export const OTHER_ERROR = '_OTHER';
