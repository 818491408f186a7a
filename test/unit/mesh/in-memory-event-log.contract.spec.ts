import { InMemoryEventLog } from '../../../lib/mesh/index.js';
import { eventLogContract } from '../../contract/event-log.contract.js';
import { LOG_LIMITS } from '../../helpers/event-logs.js';
import { FakeClock } from '../../helpers/fake-clock.js';

eventLogContract('InMemoryEventLog', bounds => ({
  log: new InMemoryEventLog({ ...LOG_LIMITS, ...bounds }, new FakeClock()),
}));
