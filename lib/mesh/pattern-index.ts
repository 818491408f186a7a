/** A common prefix of patterns. Members are created on demand to save memory: one client may need hundreds of nodes. */
interface Node<T> {
  /** The next segment of the first pattern. Most nodes have only one. */
  name?: string;
  child?: Node<T>;
  /** The children of all further next segments. */
  names?: Map<string, Node<T>>;
  /** The child for `*`. */
  one?: Node<T>;
  /** The child for `**`. */
  any?: Node<T>;
  /** Whether this node is the child for `**`. Such a node matches any further segment. */
  readonly isAny: boolean;
  /** How often each value was added here. Patterns that are written differently can be equivalent. */
  values?: Map<T, number>;
}

/**
 * Finds the values whose patterns match an event type. The time depends on the number of matches and segments, not on the
 * number of patterns.
 */
export class PatternIndex<T> {
  private readonly root = newNode<T>(false);
  private count = 0;

  /** The number of pairs of pattern and value, including duplicates. */
  get size(): number {
    return this.count;
  }

  /** Adds a value. @param pattern a valid pattern, as `isPattern` checks */
  add(pattern: string, value: T): void {
    let node = this.root;
    for (const segment of segmentsOf(pattern)) node = childOf(node, segment) ?? grow(node, segment);
    node.values ??= new Map();
    node.values.set(value, (node.values.get(value) ?? 0) + 1);
    this.count++;
  }

  /** Reverts one `add` of the same pattern and value. */
  remove(pattern: string, value: T): void {
    const path = [this.root];
    const segments = segmentsOf(pattern);
    for (const segment of segments) {
      const next = childOf(path[path.length - 1] as Node<T>, segment);
      if (!next) return;
      path.push(next);
    }
    const { values } = path[path.length - 1] as Node<T>;
    const times = values?.get(value);
    if (!values || times === undefined) return;
    this.count--;
    if (times > 1) values.set(value, times - 1);
    else values.delete(value);
    prune(path, segments);
  }

  /**
   * Returns each value with a matching pattern once. A type with an empty segment matches nothing. Later calls of `add` and
   * `remove` do not change the returned set.
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
        reach(next, namedChildOf(node, segment));
        reach(next, node.one);
      }
      reached = next;
    }
    return valuesOf(reached);
  }
}

/** Adds a node and its `**` children, because `**` also matches no segment at all. */
function reach<T>(reached: Set<Node<T>>, node: Node<T> | undefined): void {
  for (let next = node; next; next = next.any) reached.add(next);
}

function valuesOf<T>(nodes: ReadonlySet<Node<T>>): Set<T> {
  const all = new Set<T>();
  for (const { values } of nodes) if (values) for (const value of values.keys()) all.add(value);
  return all;
}

/**
 * Returns the segments of a pattern in a normal form: adjacent wildcards become `*` before one `**`. For example, `**.*.**`
 * becomes `*.**`. The normal form limits the nodes that one pattern adds to a match: at most two for each segment of the type.
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
  return { isAny };
}

function childOf<T>(node: Node<T>, segment: string): Node<T> | undefined {
  if (segment === '*') return node.one;
  return segment === '**' ? node.any : namedChildOf(node, segment);
}

function namedChildOf<T>(node: Node<T>, segment: string): Node<T> | undefined {
  return node.name === segment ? node.child : node.names?.get(segment);
}

function grow<T>(node: Node<T>, segment: string): Node<T> {
  const child = newNode<T>(segment === '**');
  if (segment === '*') node.one = child;
  else if (segment === '**') node.any = child;
  else if (node.name === undefined) {
    node.name = segment;
    node.child = child;
  } else (node.names ??= new Map()).set(segment, child);
  return child;
}

/** Removes nodes that no longer lead to a value, starting with the last one. */
function prune<T>(path: readonly Node<T>[], segments: readonly string[]): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    if (!isUnused(path[depth] as Node<T>)) return;
    const parent = path[depth - 1] as Node<T>;
    const segment = segments[depth - 1] as string;
    if (segment === '*') parent.one = undefined;
    else if (segment === '**') parent.any = undefined;
    else if (parent.name === segment) {
      parent.name = undefined;
      parent.child = undefined;
    } else if (parent.names?.delete(segment) && parent.names.size === 0) parent.names = undefined;
  }
}

function isUnused<T>({ values, name, names, one, any }: Node<T>): boolean {
  return !values?.size && name === undefined && !names && !one && !any;
}
