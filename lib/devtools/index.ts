export type { ConnectionList, ListedConnection } from './connection-list.js';
export { devtoolsControllerFor } from './devtools.controller.js';
export { DEVTOOLS, type DevtoolsOptions } from './devtools-options.js';
