import { readdirSync, readFileSync } from 'node:fs';
import * as library from '../../lib/index.js';

/** The pages that somebody reads to use this library. */
export const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'PROTOCOL.md',
  'SECURITY.md',
  ...readdirSync('docs').map(name => `docs/${name}`),
];

export interface Block {
  page: string;
  line: number;
  /** As the page says, or `sh` for a command that is set in. */
  language: string;
  code: string;
}

/** Where the names come from that a reader of a page has before him, or would import. */
const IMPORTS: Record<string, readonly string[]> = {
  'nestjs-semantic-events': [
    ...Object.keys(library),
    ...['type AuthOptions', 'type UnverifiedAttributes'],
  ],
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

/** Everything on a page that could be run, in its order. */
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

/** Whether a page shows methods without their class. */
export function isMember(code: string): boolean {
  return /^(?:\/\/.*\n)*(?:@SubscribeMessage|async \w+\()/.test(code);
}

/**
 * A module of what is shown: what it leaves out is put where a reader would have it.
 *
 * @param own what the reader has of his own: names, and what declares them
 */
export function moduleOf(shown: string, own: Record<string, string>): string {
  const body = shown.replaceAll('{ …,', '{ ...options,');
  const has = (name: string) => new RegExp(`(?<!\\w|(?<!\\.\\.)\\.)${name}\\b`).test(body);
  const declares = (name: string) => new RegExp(`(?:class|const|import \\{) ${name}\\b`).test(body);
  const declared = Object.entries(own)
    .filter(([name]) => has(name) && !declares(name))
    .map(([, declaration]) => declaration);
  const known = [body, ...declared].join('\n');
  const imports = Object.entries(IMPORTS).map(([from, names]) => {
    const used = names.filter(
      name =>
        known.includes(name.replace('type ', '')) &&
        !declared.some(text => text.includes(`class ${name} `)),
    );
    return used.length > 0 ? `import { ${used.join(', ')} } from '${from}';` : '';
  });
  return [...imports, ...declared, body, 'export {};'].join('\n');
}
