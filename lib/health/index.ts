export {
  type HealthLimits,
  SemanticEventsHealthIndicator,
} from './semantic-events.health-indicator.js';
