import { InMemoryEventLog } from '../../../lib/mesh/index.js';
import { eventLogContract } from '../../contract/event-log.contract.js';
import { FakeClock } from '../../helpers/fake-clock.js';

eventLogContract('InMemoryEventLog', ({ maxEvents }) => ({
  log: new InMemoryEventLog({ maxEvents, maxHistorySize: 10_000_000 }, new FakeClock()),
}));
