import '../start-up/loaded-copies.js';
export { openTelemetry, type OpenTelemetryOptions } from './open-telemetry.js';
