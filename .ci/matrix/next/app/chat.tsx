'use client';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { SemanticEventsClient } from 'nestjs-semantic-events-client';

interface Events {
  'chat.message': { text: string };
}

// The server renders this module as well: the client does nothing before `connect()`.
const client = new SemanticEventsClient<Events>({
  url: '/events',
  getToken: async () => (await fetch('/token')).text(),
});

export function Chat() {
  const [messages, setMessages] = useState<string[]>([]);
  const state = useSyncExternalStore(
    changed => client.on('state', changed),
    () => client.state,
    () => 'idle',
  );
  useEffect(() => {
    client.connect().catch(() => undefined);
    const stop = client.subscribe('chat.*', ({ data }) => {
      setMessages(before => [...before, data.text]);
    });
    return () => {
      stop();
      client.disconnect();
    };
  }, []);
  return (
    <main>
      <output>{state}</output>
      <ul>
        {messages.map((text, index) => (
          <li key={index}>{text}</li>
        ))}
      </ul>
    </main>
  );
}
