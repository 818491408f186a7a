import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { type Block, blocksOf, fileOf, isMember, moduleOf, PAGES } from '../helpers/code-blocks.js';

const ROOT = process.cwd();

/** Declares what the reader's application has. */
const OWN: Record<string, string> = {
  accessToken: 'declare const accessToken: string;',
  AppModule: 'declare class AppModule {}',
  UiGateway: 'declare class UiGateway {}',
  client: "declare const client: import('nestjs-semantic-events/client').SemanticEventsClient;",
  Click: 'const Click = z.object({ x: z.number(), y: z.number() });',
  options: "declare const options: import('nestjs-semantic-events').SemanticEventsOptions;",
  users:
    'declare const users: { byToken(token: string): Promise<{ id: string; roles: string[] } | null> };',
  sendInvoice: 'declare function sendInvoice(order?: string): Promise<void>;',
  show: 'declare function show(...values: unknown[]): void;',
  getTicket: 'declare function getTicket(): Promise<string>;',
  ConfigService: 'declare class ConfigService { getOrThrow(name: string): string; }',
};

/** Methods are shown without their class. */
const shownOf = ({ code }: Block) =>
  isMember(code)
    ? `class Shown { logger = new Logger(); users = users;\n${code}\n}\nexport { Shown };`
    : code;

// Blocks that are whole files are compiled as a project by test/pages/getting-started.spec.ts.
const blocks = PAGES.flatMap(blocksOf).filter(
  block => block.language === 'ts' && fileOf(block) === undefined,
);

describe('code blocks of the documentation', () => {
  it('exist, and are all marked with a language', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(8);
    for (const page of PAGES)
      expect(readFileSync(page, 'utf8')).not.toMatch(/^```(?:typescript|javascript|js)$/m);
  });

  it('compile in the application of a reader', () => {
    const { config } = ts.readConfigFile('tsconfig.json', path => ts.sys.readFile(path));
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    // Names that blocks leave to other blocks are the only unused ones.
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
      return block && moduleOf(shownOf(block), OWN);
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
  }, 180_000);
});
