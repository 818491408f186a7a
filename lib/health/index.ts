import '../start-up/loaded-copies.js';
export {
  type HealthLimits,
  SemanticEventsHealthIndicator,
} from './semantic-events.health-indicator.js';
