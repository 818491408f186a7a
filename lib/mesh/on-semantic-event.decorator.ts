import { isPattern } from '../event/index.js';
import { Problems } from '../options/index.js';
import type { EventHandlerOptions } from './event-listener.js';

export interface HandlerDeclaration {
  readonly patterns: readonly string[];
  readonly options: EventHandlerOptions;
}

const HANDLER_METADATA = Symbol('semantic-events:handlers');

/**
 * Has a method of any provider called with the events of the mesh whose type matches a pattern, on every node.
 * What a client sends is not among them before something publishes it.
 *
 * @param patterns one or several: exact, or with `*` for one segment and `**` for any number
 * @throws SemanticEventsConfigError naming everything that is wrong with its arguments
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
      problems.add(
        '@OnSemanticEvent',
        'takes patterns such as chat.**, whose segments are not empty',
      );
  const known = ['priority', 'timeout', 'retries', 'concurrency', 'filter'];
  if (problems.unknown('@OnSemanticEvent', options, known)) {
    const { priority, timeout, retries, concurrency, filter } = options;
    if (priority !== undefined && !Number.isFinite(priority))
      problems.add('@OnSemanticEvent.priority', 'must be a number');
    problems.delay('@OnSemanticEvent.timeout', timeout);
    problems.integer('@OnSemanticEvent.retries', retries, { min: 0, max: 100 });
    problems.integer('@OnSemanticEvent.concurrency', concurrency, { min: 1 });
    problems.fn('@OnSemanticEvent.filter', filter);
  }
  problems.throwIfAny();
}
