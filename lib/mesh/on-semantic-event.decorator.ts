import { compilePatterns, isPattern } from '../event/index.js';
import { Problems } from '../options/index.js';
import type { EventHandlerOptions } from './event-listener.js';

export interface HandlerDeclaration {
  readonly patterns: readonly string[];
  readonly options: EventHandlerOptions;
}

const OPTIONS = [
  'priority',
  'timeout',
  'retries',
  'concurrency',
  'filter',
  'delivery',
  'deadLetter',
];

const HANDLER_METADATA = Symbol('semantic-events:handlers');

/**
 * Calls a provider's method with every event of the mesh whose type matches a pattern. Every node calls it, or one node with
 * `delivery: 'once'`. An event that a client sends reaches the method only if a handler publishes it.
 *
 * @param patterns one or more event types; `*` matches one segment and `**` any number of segments
 * @throws SemanticEventsConfigError naming every problem with the arguments
 */
export function OnSemanticEvent(
  patterns: string | readonly string[],
  options: EventHandlerOptions = {},
): MethodDecorator {
  const declaration = { patterns: [patterns].flat(), options };
  checkDeclaration(declaration);
  return (_target, _key, descriptor: PropertyDescriptor) => {
    const method = descriptor.value as object;
    const others = handlersOf(method);
    Reflect.defineMetadata(HANDLER_METADATA, [...others, declaration], method);
  };
}

export function handlersOf(method: object): readonly HandlerDeclaration[] {
  return (Reflect.getMetadata(HANDLER_METADATA, method) ?? []) as HandlerDeclaration[];
}

/** @throws SemanticEventsConfigError naming every problem at once */
export function checkDeclaration({ patterns, options }: HandlerDeclaration): void {
  const problems = new Problems();
  if (patterns.length === 0) problems.add('@OnSemanticEvent', 'needs a pattern');
  for (const pattern of patterns as readonly unknown[])
    if (typeof pattern !== 'string' || !isPattern(pattern))
      problems.add('@OnSemanticEvent', 'needs patterns such as chat.** without empty segments');
  if (problems.unknown('@OnSemanticEvent', options, OPTIONS)) {
    const { priority, timeout, retries, concurrency, filter, delivery } = options;
    if (priority !== undefined && !Number.isFinite(priority))
      problems.add('@OnSemanticEvent.priority', 'must be a number');
    problems.delay('@OnSemanticEvent.timeout', timeout);
    problems.integer('@OnSemanticEvent.retries', retries, { min: 0, max: 100 });
    problems.integer('@OnSemanticEvent.concurrency', concurrency, { min: 1 });
    problems.fn('@OnSemanticEvent.filter', filter);
    problems.oneOf('@OnSemanticEvent.delivery', delivery, ['each-node', 'once']);
    checkDeadLetter(patterns, options, problems);
  }
  problems.throwIfAny();
}

function checkDeadLetter(
  patterns: readonly string[],
  { deadLetter, delivery }: EventHandlerOptions,
  problems: Problems,
): void {
  if (deadLetter === undefined) return;
  const path = '@OnSemanticEvent.deadLetter';
  if (typeof deadLetter !== 'string' || !isPattern(deadLetter) || deadLetter.includes('*'))
    problems.add(path, 'must be an event type such as failed.orders');
  else if (compilePatterns(patterns)(deadLetter))
    problems.add(path, 'must not match the patterns of its own handler');
  if (delivery !== 'once') problems.add(path, "needs delivery: 'once'");
}
