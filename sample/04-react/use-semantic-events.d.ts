import type {
  ClientState,
  Matching,
  SemanticEventsClient,
  SubscribeOptions,
} from 'nestjs-semantic-events/client';

export function useConnection<Events extends object>(
  client: SemanticEventsClient<Events>,
): ClientState;

export function useEvents<Events extends object, Pattern extends string>(
  client: SemanticEventsClient<Events>,
  pattern: Pattern,
  handler: (event: Matching<Events, Pattern>) => unknown,
  options?: Pick<SubscribeOptions, 'scope'>,
): void;
