/**
 * Metadata keys of Nest's own decorators. Nest exports them from no stable path, so a test compares them with the installed
 * version.
 */
export const GUARDS_METADATA = '__guards__';
export const EXCEPTION_FILTERS_METADATA = '__exceptionFilters__';
export const INTERCEPTORS_METADATA = '__interceptors__';
export const GATEWAY_METADATA = 'websockets:is_gateway';
export const GATEWAY_OPTIONS = 'websockets:gateway_options';
export const PORT_METADATA = 'port';
export const MESSAGE_MAPPING_METADATA = 'websockets:message_mapping';
export const MESSAGE_METADATA = 'message';
export const PIPES_METADATA = '__pipes__';
export const PARAMETERS_METADATA = '__routeArguments__';
export const INJECTABLE_WATERMARK = '__injectable__';
