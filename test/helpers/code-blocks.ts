import { readdirSync, readFileSync } from 'node:fs';
import * as library from '../../lib/index.js';

/** The pages with code that users of this library copy. */
export const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'PROTOCOL.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];

export interface Block {
  page: string;
  line: number;
  /** The language that the page names; `sh` for an indented command. */
  language: string;
  code: string;
}

/** The modules of the names that a reader of a page knows or would import. */
const IMPORTS: Record<string, readonly string[]> = {
  'nestjs-semantic-events': [
    ...Object.keys(library),
    ...['type AuthOptions', 'type SigningOptions', 'type UnverifiedAttributes'],
  ],
  'nestjs-semantic-events/client': ['SemanticEventsClient'],
  'nestjs-semantic-events/redis': ['redisStores'],
  'nestjs-semantic-events/testing': ['EventTestClient', 'FakeClock', 'issueTicket'],
  '@nestjs/common': ['Logger', 'Module'],
  '@nestjs/core': ['NestFactory'],
  '@nestjs/websockets': ['SubscribeMessage', 'WebSocketGateway'],
  '@nestjs/testing': ['Test'],
  'node:http': ['type IncomingMessage'],
  ws: ['type WebSocket'],
  zod: ['z'],
};

const FENCED = /^```(\w+)\n([^]*?)^```$/gm;
const COMMAND = /^ {4}((?:npm|node) .*)$/gm;

/** Returns all code blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  const at = (index: number) => text.slice(0, index).split('\n').length;
  const fenced = [...text.matchAll(FENCED)].map(({ 1: language = '', 2: code = '', index }) => ({
    page,
    line: at(index),
    language,
    code,
  }));
  const commands = [...text.matchAll(COMMAND)].map(({ 1: code = '', index }) => ({
    page,
    line: at(index),
    language: 'sh',
    code,
  }));
  return [...fenced, ...commands].sort((a, b) => a.line - b.line);
}

/** Returns the path that the first line of a block names; undefined if the block shows a part of a file. */
export function fileOf({ code }: Block): string | undefined {
  return /^(?:\/\/|#) ((?:[\w.-]+\/)*[\w.-]+\.(?:m?[jt]s|py|conf|ya?ml))\n/.exec(code)?.[1];
}

/** Returns whether a block shows methods without their class. */
export function isMember(code: string): boolean {
  return /^(?:\/\/.*\n)*(?:@SubscribeMessage|async \w+\()/.test(code);
}

/**
 * Completes a block to a module: adds the imports and declarations that it omits.
 *
 * @param own the reader's own names, each with its declaration
 */
export function moduleOf(shown: string, own: Record<string, string>): string {
  const body = shown.replaceAll('{ …,', '{ ...options,');
  const has = (name: string) => new RegExp(`(?<!\\w|(?<!\\.\\.)\\.)${name}\\b`).test(body);
  const declares = (name: string) =>
    new RegExp(`(?:(?:class|const) |import (?:type )?\\{[^}]*\\b)${name}\\b`).test(body);
  const declared = Object.entries(own)
    .filter(([name]) => has(name) && !declares(name))
    .map(([, declaration]) => declaration);
  const known = [body, ...declared].join('\n');
  const imports = Object.entries(IMPORTS).map(([from, names]) => {
    const used = names.filter(
      name =>
        known.includes(name.replace('type ', '')) &&
        !declares(name) &&
        !declared.some(text => text.includes(`class ${name} `)),
    );
    return used.length > 0 ? `import { ${used.join(', ')} } from '${from}';` : '';
  });
  return [...imports, ...declared, body, 'export {};'].join('\n');
}
