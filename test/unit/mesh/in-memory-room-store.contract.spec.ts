import { InMemoryRoomStore } from '../../../lib/mesh/index.js';
import { describeRoomStore } from '../../contract/room-store.contract.js';

describe('InMemoryRoomStore', () => {
  describeRoomStore(() => ({ nodes: [new InMemoryRoomStore()] }));
});
