// Usage: node --import ./sample/run-typescript/register.js file.ts
import module from 'node:module';
import * as hooks from './hooks.js';

// Node 20 has only the older API, and newer versions warn about it.
if (module.registerHooks) module.registerHooks(hooks);
else module.register('./hooks.js', import.meta.url);
