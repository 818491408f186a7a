import '../start-up/loaded-copies.js';
export {
  type ConnectOptions,
  EventTestClient,
  issueTicket,
  RefusedError,
} from './event-test-client.js';
export { FakeClock } from './fake-clock.js';
export type { Frame } from './frame-queue.js';
