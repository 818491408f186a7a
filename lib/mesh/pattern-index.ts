/** What is common to the patterns that begin alike. */
interface Node<T> {
  readonly names: Map<string, Node<T>>;
  /** Behind `*`. */
  one?: Node<T>;
  /** Behind `**`. */
  any?: Node<T>;
  /** Whether this node itself is behind a `**`, and so stays reached whatever segment comes. */
  readonly isAny: boolean;
  readonly values: Set<T>;
}

/**
 * Finds who listens to an event type among many patterns, in a time that depends on how many match and on how many
 * segments there are, not on how many patterns there are.
 */
export class PatternIndex<T> {
  private readonly root = newNode<T>(false);
  private count = 0;

  /** How many pairs of pattern and value there are. */
  get size(): number {
    return this.count;
  }

  /** @param pattern for which `isPattern` holds */
  add(pattern: string, value: T): void {
    let node = this.root;
    for (const segment of pattern.split('.')) node = childOf(node, segment) ?? grow(node, segment);
    if (node.values.has(value)) return;
    node.values.add(value);
    this.count++;
  }

  remove(pattern: string, value: T): void {
    const path = [this.root];
    const segments = pattern.split('.');
    for (const segment of segments) {
      const next = childOf(path[path.length - 1] as Node<T>, segment);
      if (!next) return;
      path.push(next);
    }
    if (path.at(-1)?.values.delete(value)) this.count--;
    prune(path, segments);
  }

  /** Every value with a pattern that matches an event type, each once. Nothing matches an empty segment. */
  match(type: string): ReadonlySet<T> {
    const segments = type.split('.');
    if (segments.includes('')) return new Set();
    let reached = new Set<Node<T>>();
    reach(reached, this.root);
    for (const segment of segments) {
      const next = new Set<Node<T>>();
      for (const node of reached) {
        if (node.isAny) next.add(node);
        reach(next, node.names.get(segment));
        reach(next, node.one);
      }
      reached = next;
    }
    return valuesOf(reached);
  }
}

/** A node, and what comes behind a `**` after it, which may stand for nothing at all. */
function reach<T>(reached: Set<Node<T>>, node: Node<T> | undefined): void {
  for (let next = node; next; next = next.any) reached.add(next);
}

function valuesOf<T>(nodes: ReadonlySet<Node<T>>): ReadonlySet<T> {
  const found = [...nodes].filter(({ values }) => values.size > 0);
  // Most often it is one pattern that everybody listens by: nothing to be put together.
  if (found.length === 1) return (found[0] as Node<T>).values;
  const all = new Set<T>();
  for (const { values } of found) for (const value of values) all.add(value);
  return all;
}

function newNode<T>(isAny: boolean): Node<T> {
  return { names: new Map(), isAny, values: new Set() };
}

function childOf<T>(node: Node<T>, segment: string): Node<T> | undefined {
  if (segment === '*') return node.one;
  return segment === '**' ? node.any : node.names.get(segment);
}

function grow<T>(node: Node<T>, segment: string): Node<T> {
  const child = newNode<T>(segment === '**');
  if (segment === '*') node.one = child;
  else if (segment === '**') node.any = child;
  else node.names.set(segment, child);
  return child;
}

/** Takes out the nodes that nothing is behind any more, from the last one on. */
function prune<T>(path: readonly Node<T>[], segments: readonly string[]): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    const node = path[depth] as Node<T>;
    if (node.values.size > 0 || node.names.size > 0 || node.one || node.any) return;
    const parent = path[depth - 1] as Node<T>;
    const segment = segments[depth - 1] as string;
    if (segment === '*') parent.one = undefined;
    else if (segment === '**') parent.any = undefined;
    else parent.names.delete(segment);
  }
}
