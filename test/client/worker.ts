// The worker of the page under test: it runs a behavior on request, and posts the result.
import './page.js';
import type { Surroundings } from './behaviours.js';

type Behave = (name: string, servers: Omit<Surroundings, 'Client'>) => Promise<string>;

const worker = globalThis as unknown as {
  behave: Behave;
  onmessage: (message: { data: Parameters<Behave> }) => void;
  postMessage(result: string): void;
};
worker.onmessage = ({ data }) => {
  void worker.behave(...data).then(result => {
    worker.postMessage(result);
  });
};
