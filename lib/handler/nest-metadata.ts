/**
 * The metadata keys Nest's own decorators write. Nest does not export them from a path that stays the same
 * between versions; a test holds them against the installed one.
 */
export const GUARDS_METADATA = '__guards__';
export const INTERCEPTORS_METADATA = '__interceptors__';
export const GATEWAY_METADATA = 'websockets:is_gateway';
export const GATEWAY_OPTIONS = 'websockets:gateway_options';
export const PORT_METADATA = 'port';
export const MESSAGE_MAPPING_METADATA = 'websockets:message_mapping';
export const MESSAGE_METADATA = 'message';
export const PIPES_METADATA = '__pipes__';
export const PARAMETERS_METADATA = '__routeArguments__';
