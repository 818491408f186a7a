/** The maximum number of issues in a reason. */
const MAX_ISSUES = 5;

/** Stands for the name of a member that a client may have chosen. */
const UNKNOWN = '…';
/** A name that a program gives to a member, or an index. */
const MEMBER = /^[\w$-]{1,64}$/;

/** The common members of an issue in schema libraries, and those that name the violated rule. */
interface SchemaIssue {
  readonly path?: readonly unknown[];
  /** The rule, in zod and arktype. */
  readonly code?: unknown;
  /** The rule, in valibot. */
  readonly type?: unknown;
  /** Unknown members, in zod. */
  readonly keys?: readonly unknown[];
}

/**
 * Describes the issues of a Standard Schema by the paths of the members and the names of the rules. It omits the messages,
 * because those of valibot and arktype contain values.
 */
export function schemaProblem(issues: readonly unknown[]): string {
  return listed(
    issues.map(issue => {
      const { path = [], code, type, keys = [] } = issue as SchemaIssue;
      const rule = [code, type].find(name => typeof name === 'string') ?? 'not valid';
      // The client chose the names of unknown members: they may be data.
      const unknown = keys.length > 0 ? `: ${keys.length}` : '';
      return `${pathOf(path.map(keyOf))} (${rule}${unknown})`;
    }),
  );
}

/** An error of class-validator. */
interface ClassIssue {
  readonly property: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly ClassIssue[];
}

/** Describes errors of class-validator in the same way. */
export function classProblem(errors: readonly ClassIssue[]): string {
  return listed(classIssues(errors, []));
}

function classIssues(errors: readonly ClassIssue[], above: readonly string[]): string[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const rules = Object.keys(constraints);
    const isUnknown = rules.includes('whitelistValidation');
    const path = [...above, isUnknown ? UNKNOWN : property];
    const own = rules.length > 0 ? [`${pathOf(path)} (${rules.join(', ')})`] : [];
    return [...own, ...classIssues(children, path)];
  });
}

/** Returns the key of a path segment, which is a key or an object with a key (https://standardschema.dev). */
function keyOf(segment: unknown): string {
  const isObject = typeof segment === 'object' && segment !== null && 'key' in segment;
  return String(isObject ? segment.key : segment);
}

function pathOf(keys: readonly string[]): string {
  return ['data', ...keys.map(key => (MEMBER.test(key) ? key : UNKNOWN))].join('.');
}

function listed(problems: readonly string[]): string {
  const more = problems.length - MAX_ISSUES;
  return problems.slice(0, MAX_ISSUES).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
