export { Client, type ClientCounters } from './client.js';
export {
  addressGroup,
  type AddressGroup,
  addressGroups,
  ClientAddressResolver,
  mayShareHost,
} from './client-address.js';
export { bindClient, clientOf } from './client-of.js';
export { bindConnection, connectionOf, OWNER, type RefusalTarget } from './connection-of.js';
export { ConnectionManager, EVERYONE, type ManagedConnection } from './connection-manager.js';
export { ConnectionSlot } from './connection-slot.js';
export { ConnectionStore, type SlotClaim } from './connection-store.js';
export { CurrentClient } from './current-client.decorator.js';
export { InMemoryConnectionStore } from './in-memory-connection-store.js';
export { Liveness } from './liveness.js';
export { validateMessageSize } from './message-size.js';
export {
  isIssuedAfter,
  isLogOut,
  type LogOut,
  type Revocation,
  RevocationBus,
  SingleNodeRevocationBus,
} from './revocation-bus.js';
