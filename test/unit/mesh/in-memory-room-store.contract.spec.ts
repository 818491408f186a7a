import { InMemoryRoomStore } from '../../../lib/mesh/in-memory-room-store.js';
import { describeRoomStore } from '../../contract/room-store.contract.js';

describe('InMemoryRoomStore', () => {
  describeRoomStore(() => ({ nodes: [new InMemoryRoomStore()] }));
});
