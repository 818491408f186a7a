// The script of the page under test: the client, file by file, and the behaviors to run.
import { SemanticEventsClient } from '../../lib/client/index.js';
import { BEHAVIOURS, type Surroundings } from './behaviours.js';

/** Called by the test. Runs one behavior and returns its result. */
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
