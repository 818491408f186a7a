import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import * as library from '../../lib/index.js';

const ROOT = process.cwd();
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'PROTOCOL.md',
  'SECURITY.md',
  ...readdirSync('docs').map(name => `docs/${name}`),
];

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

/** What the application of the reader has of its own. */
const OWN: Record<string, string> = {
  AppModule: 'declare class AppModule {}',
  UiGateway: 'declare class UiGateway {}',
  Click: 'const Click = z.object({ x: z.number(), y: z.number() });',
  options: "declare const options: import('nestjs-semantic-events').SemanticEventsOptions;",
  users:
    'declare const users: { byToken(token: string): Promise<{ id: string; roles: string[] } | null> };',
  show: 'declare function show(...values: unknown[]): void;',
  ConfigService: 'declare class ConfigService { getOrThrow(name: string): string; }',
};

interface Block {
  page: string;
  line: number;
  code: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ 1: code = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    code,
  }));
}

/** A module of a block: what it leaves out is put where a reader would have it. */
function moduleOf({ code }: Block): string {
  const body = code.replaceAll('{ …,', '{ ...options,');
  // Methods are shown without their class.
  const isMember = /^(?:\/\/.*\n)*(?:@SubscribeMessage|async \w+\()/.test(body);
  const shown = isMember
    ? `class Shown { logger = new Logger(); users = users;\n${body}\n}\nexport { Shown };`
    : body;
  const has = (name: string) => new RegExp(`(?<!\\w|(?<!\\.\\.)\\.)${name}\\b`).test(shown);
  const declares = (name: string) => new RegExp(`(?:class|const) ${name}\\b`).test(body);
  const own = Object.entries(OWN)
    .filter(([name]) => has(name) && !declares(name))
    .map(([, declaration]) => declaration);
  const known = [shown, ...own].join('\n');
  const imports = Object.entries(IMPORTS).map(([from, names]) => {
    const used = names.filter(name => known.includes(name.replace('type ', '')));
    return used.length > 0 ? `import { ${used.join(', ')} } from '${from}';` : '';
  });
  return [...imports, ...own, shown, 'export {};'].join('\n');
}

const blocks = PAGES.flatMap(blocksOf);

describe('the code blocks of the pages', () => {
  it('are there, and are all marked as what they are', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(8);
    for (const page of PAGES)
      expect(readFileSync(page, 'utf8')).not.toMatch(/^```(?:typescript|javascript|js)$/m);
  });

  it('compile, as what the reader would make of them', () => {
    const { config } = ts.readConfigFile('tsconfig.json', path => ts.sys.readFile(path));
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    // Unused are only the names that blocks leave to others.
    Object.assign(options, { noUnusedLocals: false, noUnusedParameters: false });
    const files = new Map(
      blocks.map(block => [
        join(ROOT, 'test', `block-${block.page.replaceAll('/', '-')}-${block.line}.ts`),
        block,
      ]),
    );
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile, getSourceFile } = host;
    const sourceOf = (file: string) => {
      const block = files.get(file);
      return block && moduleOf(block);
    };
    host.fileExists = file => files.has(file) || fileExists(file);
    host.readFile = file => sourceOf(file) ?? readFile(file);
    host.getSourceFile = (file, target, ...rest) => {
      const text = sourceOf(file);
      return text === undefined
        ? getSourceFile(file, target, ...rest)
        : ts.createSourceFile(file, text, target);
    };
    const program = ts.createProgram([...files.keys()], options, host);
    const problems = [...files].flatMap(([file, { page, line }]) => {
      const source = program.getSourceFile(file);
      return [
        ...program.getSyntacticDiagnostics(source),
        ...program.getSemanticDiagnostics(source),
      ].map(
        ({ messageText }) => `${page}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    });
    expect(problems).toEqual([]);
  }, 60_000);
});
