export { SemanticEventsIoAdapter } from './semantic-events-io.adapter.js';
