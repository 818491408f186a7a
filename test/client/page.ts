// What the page under test loads: the client, file by file, and what is to be tried with it.
import { SemanticEventsClient } from '../../lib/client/index.js';
import { BEHAVIOURS, type Surroundings } from './behaviours.js';

/** Called by the test: tries one behaviour, and tells how it went. */
Object.assign(globalThis, {
  behave: async (name: string, servers: Omit<Surroundings, 'Client'>): Promise<string> => {
    try {
      await BEHAVIOURS[name]?.({ ...servers, Client: SemanticEventsClient });
      return 'passed';
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  },
});
