import { createElement as element, StrictMode, useState } from 'react';
import { SemanticEventsClient } from 'nestjs-semantic-events/client';
import { useConnection, useEvents } from './use-semantic-events.js';

// Create the client at module level: server rendering may do so, too, because the client does nothing before `connect()`.
export const client = new SemanticEventsClient({
  url: '/events',
  getToken: async () => (await fetch('/token')).text(),
});

export function Chat() {
  const state = useConnection(client);
  const [said, setSaid] = useState([]);
  useEvents(client, 'chat.*', ({ data }) => setSaid(before => [...before, data.text]));
  const say = () => client.emit('chat.message', { text: `hello ${said.length}` });
  return element(
    'main',
    null,
    element('output', null, state),
    element('button', { onClick: say }, 'Say hello'),
    element('ul', null, ...said.map(text => element('li', null, text))),
  );
}

export const App = () => element(StrictMode, null, element(Chat));
