import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/**
 * A place where a callback is attached to something that may call it without catching its errors.
 */
export interface Place {
  /** File and line. */
  readonly at: string;
  readonly text: string;
  readonly isContained: boolean;
}

const LISTENING = new Set([
  'on',
  'once',
  'addListener',
  'prependListener',
  'prependOnceListener',
  'addEventListener',
]);
const SCHEDULING = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'nextTick',
]);
/** The functions that catch everything. */
const CATCHING = new Set(['contained', 'attempt', 'recovering']);

/** Returns every such place in the TypeScript files of a folder. */
export function placesIn(folder: string, isLeftOut: (file: string) => boolean): Place[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !isLeftOut(file))
    .sort()
    .flatMap(file => placesOf(file, readFileSync(join(folder, file), 'utf8')));
}

export function placesOf(file: string, text: string): Place[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const safe = safeNames(source);
  const places: Place[] = [];
  const note = (node: ts.Node, isContained: boolean) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    const start = node.getText().split('\n')[0] ?? '';
    places.push({ at: `${file}:${line + 1}`, text: start, isContained });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const callback = callbackOf(node);
      if (callback) note(node, isSafe(callback, safe));
    }
    // The promise returned by `then` rejects if one of its callbacks throws.
    if (ts.isExpressionStatement(node) && isThen(node.expression))
      note(
        node,
        node.expression.arguments.every(callback => isSafe(callback, safe)),
      );
    // For ESLint, `void` marks a promise that nothing awaits. Its rejection would be unhandled.
    if (ts.isVoidExpression(node) && isUsed(node)) note(node, catches(node.expression));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return places;
}

/** Returns what a call attaches, or undefined if it attaches nothing. */
function callbackOf(call: ts.CallExpression): ts.Expression | undefined {
  const { expression: callee, arguments: args } = call;
  const name = nameOf(callee);
  if (SCHEDULING.has(name)) return args[0];
  if (!ts.isPropertyAccessExpression(callee)) return undefined;
  const receiver = callee.expression.getText();
  if (name === 'use' && /\b(engine|namespace|server)$/i.test(receiver)) return args[0];
  if (/^(subscribe|onGap)$/.test(name) && /\bbus$/i.test(receiver)) return args[0];
  if (LISTENING.has(name)) return args[1];
  return undefined;
}

/**
 * Returns whether `void f()` is used as a value, such as the result of a callback: then it is not
 * an ignored promise.
 */
function isUsed({ expression, parent }: ts.VoidExpression): boolean {
  return ts.isCallExpression(expression) && (ts.isStatement(parent) || ts.isArrowFunction(parent));
}

function isThen(expression: ts.Expression): expression is ts.CallExpression {
  return ts.isCallExpression(expression) && nameOf(expression.expression) === 'then';
}

/**
 * Returns the names in a file that refer to something contained, or to the functions of a promise.
 */
function safeNames(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionDeclaration(node) && node.name && node.body?.statements.length === 0)
      names.add(node.name.text);
    if (
      (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)) &&
      node.initializer &&
      isSafe(node.initializer, names)
    )
      names.add(node.name.getText());
    if (ts.isNewExpression(node) && node.expression.getText() === 'Promise') {
      const [executor] = node.arguments ?? [];
      if (executor && ts.isArrowFunction(executor))
        for (const { name } of executor.parameters) names.add(name.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

function isSafe(callback: ts.Expression, safe: ReadonlySet<string>): boolean {
  if (ts.isCallExpression(callback)) return nameOf(callback.expression) === 'contained';
  if (ts.isPropertyAccessExpression(callback)) return safe.has(callback.name.text);
  if (ts.isIdentifier(callback)) return safe.has(callback.text);
  return isEmpty(callback);
}

/** A function without a statement cannot throw. */
function isEmpty(callback: ts.Expression): boolean {
  if (!ts.isArrowFunction(callback)) return false;
  const { body } = callback;
  return ts.isBlock(body) ? body.statements.length === 0 : body.getText() === 'undefined';
}

/**
 * Returns whether a promise never rejects: because its creator catches, or by `catch` or a second
 * callback of `then`.
 */
function catches(expression: ts.Expression): boolean {
  if (!ts.isCallExpression(expression)) return false;
  const { expression: callee, arguments: args } = expression;
  const name = nameOf(callee);
  if (name === 'then' && args[0] && isSettled(callee)) return isSafe(args[0], new Set());
  if (CATCHING.has(name) || name === 'catch' || (name === 'then' && args.length > 1)) return true;
  // `Promise.prototype.then.call(promise, undefined, rejected)`
  if (name === 'call' && ts.isPropertyAccessExpression(callee))
    return nameOf(callee.expression) === 'then' && args.length > 2;
  // `finally` rejects like the promise before it, if its callback does not throw.
  return name === 'finally' && ts.isPropertyAccessExpression(callee) && catches(callee.expression);
}

/** `Promise.allSettled()` never rejects. */
function isSettled(callee: ts.Expression): boolean {
  if (!ts.isPropertyAccessExpression(callee)) return false;
  const { expression: before } = callee;
  return ts.isCallExpression(before) && nameOf(before.expression) === 'allSettled';
}

function nameOf(callee: ts.Expression): string {
  if (ts.isIdentifier(callee)) return callee.text;
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : '';
}
