/** What is common to the patterns that begin alike. */
interface Node<T> {
  readonly names: Map<string, Node<T>>;
  /** Behind `*`. */
  one?: Node<T>;
  /** Behind `**`. */
  any?: Node<T>;
  /** Whether this node itself is behind a `**`, and so stays reached whatever segment comes. */
  readonly isAny: boolean;
  /** How often each is here: patterns that are written differently may mean the same. */
  readonly values: Map<T, number>;
}

/**
 * Finds who listens to an event type among many patterns, in a time that depends on how many match and on how many
 * segments there are, not on how many patterns there are.
 */
export class PatternIndex<T> {
  private readonly root = newNode<T>(false);
  private count = 0;

  /** How many pairs of pattern and value there are, equal ones included. */
  get size(): number {
    return this.count;
  }

  /** @param pattern for which `isPattern` holds */
  add(pattern: string, value: T): void {
    let node = this.root;
    for (const segment of segmentsOf(pattern)) node = childOf(node, segment) ?? grow(node, segment);
    node.values.set(value, (node.values.get(value) ?? 0) + 1);
    this.count++;
  }

  /** Takes back one `add` of the same pattern and value. */
  remove(pattern: string, value: T): void {
    const path = [this.root];
    const segments = segmentsOf(pattern);
    for (const segment of segments) {
      const next = childOf(path[path.length - 1] as Node<T>, segment);
      if (!next) return;
      path.push(next);
    }
    const { values } = path[path.length - 1] as Node<T>;
    const times = values.get(value);
    if (times === undefined) return;
    this.count--;
    if (times > 1) values.set(value, times - 1);
    else values.delete(value);
    prune(path, segments);
  }

  /**
   * Every value with a pattern that matches an event type, each once. Nothing matches an empty segment. What is added
   * or removed afterwards does not change the answer.
   */
  match(type: string): Set<T> {
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

function valuesOf<T>(nodes: ReadonlySet<Node<T>>): Set<T> {
  const all = new Set<T>();
  for (const { values } of nodes) for (const value of values.keys()) all.add(value);
  return all;
}

/**
 * The segments of a pattern, with `*` before `**` where they follow each other: `**.*.**` means what `*.**` does. In
 * that one form an event reaches no more nodes by a pattern than it has segments, twice, whatever a client makes up.
 */
function segmentsOf(pattern: string): string[] {
  const segments: string[] = [];
  let isAny = false;
  for (const segment of pattern.split('.')) {
    if (segment === '**') {
      isAny = true;
      continue;
    }
    if (isAny && segment !== '*') {
      segments.push('**');
      isAny = false;
    }
    segments.push(segment);
  }
  return isAny ? [...segments, '**'] : segments;
}

function newNode<T>(isAny: boolean): Node<T> {
  return { names: new Map(), isAny, values: new Map() };
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
