import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { type Block, blocksOf, fileOf, isMember, moduleOf, PAGES } from '../helpers/code-blocks.js';

const ROOT = process.cwd();
const COMPILE_TIMEOUT = 180_000;

/** The configuration of `npm run typecheck`. */
const project = (() => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), path => ts.sys.readFile(path));
  return ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
})();

/** The files that both programs read: the library and its packages, parsed once. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** Compiles files. @param own the text of files that do not exist */
function problemsIn(
  files: string[],
  options: ts.CompilerOptions,
  own = new Map<string, string>(),
): readonly ts.Diagnostic[] {
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile, directoryExists } = host;
  const folders = new Set([...own.keys()].map(file => dirname(file)));
  host.fileExists = file => own.has(file) || fileExists(file);
  host.directoryExists = folder => folders.has(folder) || directoryExists?.(folder) === true;
  host.readFile = file => own.get(file) ?? readFile(file);
  host.getSourceFile = (file, target, ...rest) => {
    const text = own.get(file);
    if (text !== undefined) return ts.createSourceFile(file, text, target);
    if (!parsed.has(file)) parsed.set(file, getSourceFile(file, target, ...rest));
    return parsed.get(file);
  };
  const program = ts.createProgram(files, options, host);
  return files
    .map(file => program.getSourceFile(file))
    .flatMap(source => [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ]);
}

const textOf = ({ messageText }: ts.Diagnostic) =>
  ts.flattenDiagnosticMessageText(messageText, ' ');

describe('type tests', () => {
  const folder = join(ROOT, 'test', 'types');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name =>
    join(folder, name),
  );

  it('are all part of what npm run typecheck checks', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(project.fileNames).toEqual(expect.arrayContaining(files));
  });

  it(
    'compile where they must, and fail where they must not compile',
    () => {
      const problems = problemsIn(files, project.options).map(problem => {
        const { file, start } = problem;
        const line = file && file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
        return `${file?.fileName}:${line} ${textOf(problem)}`;
      });
      expect(problems).toEqual([]);
    },
    COMPILE_TIMEOUT,
  );
});

/** Declares what the reader's application has. */
const OWN: Record<string, string> = {
  AdminGuard: 'declare class AdminGuard { canActivate(): boolean }',
  AppModule: 'declare class AppModule {}',
  RoomAuthorizer: 'declare class RoomAuthorizer {}',
  UiGateway: 'declare class UiGateway {}',
  client: "declare const client: import('nestjs-semantic-events/client').SemanticEventsClient;",
  Click: 'const Click = z.object({ x: z.number(), y: z.number() });',
  options: "declare const options: import('nestjs-semantic-events').SemanticEventsOptions;",
  users:
    'declare const users: { byToken(token: string): Promise<{ id: string; roles: string[] } | null> };',
  show: 'declare function show(...values: unknown[]): void;',
  ConfigService: 'declare class ConfigService { getOrThrow(name: string): string; }',
};

/** Methods are shown without their class. */
const shownOf = ({ code }: Block) =>
  isMember(code)
    ? `class Shown { logger = new Logger(); users = users;\n${code}\n}\nexport { Shown };`
    : code;

const typeScript = PAGES.flatMap(blocksOf).filter(({ language }) => language === 'ts');
const blocks = typeScript.filter(block => fileOf(block) === undefined);

/** Files of the reader's own that blocks import. */
const OWN_FILES: Record<string, string> = {
  'src/sessions.ts': `
    interface Session { id: string; userId: string; roles: string[]; createdAt: Date; expiresAt: Date }
    export declare const sessions: { find(token: string): Promise<Session | undefined> };`,
  'src/my-http.guard.ts':
    'export declare class MyHttpGuard { canActivate(context: object): Promise<boolean> }',
  'src/users.ts':
    'export declare const users: { byToken(token: string): Promise<{ id: string; roles: string[] } | null> };',
  'src/send-invoice.ts': 'export declare function sendInvoice(order?: string): Promise<void>;',
  'src/log-in.ts': 'export declare const accessToken: string;',
  'src/get-ticket.ts': 'export declare function getTicket(): Promise<string>;',
  // Packages of a React Native app, which this repository does not install.
  'src/packages.d.ts': `
    declare module '@noble/hashes/sha2.js' { export const sha256: { readonly name: 'sha256' } }
    declare module '@noble/hashes/hmac.js' {
      export function hmac(hash: { name: 'sha256' }, key: Uint8Array, message: Uint8Array): Uint8Array;
    }
    declare module 'expo-crypto' { export function getRandomBytes(count: number): Uint8Array }
    declare module 'react-native' {
      export const AppState: {
        addEventListener(type: 'change', listener: (state: string) => void): { remove(): void };
      };
    }
    declare module 'nestjs-semantic-events-client' { export * from 'nestjs-semantic-events/client' }`,
  'src/stock.ts': 'export declare const stock: { count(item: string): Promise<number> };',
};

/** Returns the files of a page. Files that it does not show are those of the README. */
function projectOf(page: string): Map<string, string> {
  const shown = (from: string) =>
    typeScript.flatMap(block => {
      const path = block.page === from ? fileOf(block) : undefined;
      return path === undefined ? [] : [[path, block.code] as const];
    });
  const folder = join(ROOT, 'test', `files-of-${page.replaceAll('/', '-')}`);
  const files = [...Object.entries(OWN_FILES), ...shown('README.md'), ...shown(page)];
  return new Map(files.map(([path, code]) => [join(folder, path), code]));
}

describe('code blocks of the documentation', () => {
  it('exist, and are all marked with a language', () => {
    expect(typeScript.length).toBeGreaterThanOrEqual(8);
    for (const page of PAGES)
      expect(readFileSync(page, 'utf8')).not.toMatch(/^```(?:typescript|javascript|js)$/m);
  });

  it(
    'compile with complete imports if they are whole files',
    () => {
      const pages = new Set(typeScript.filter(fileOf).map(({ page }) => page));
      const files = new Map([...pages].flatMap(page => [...projectOf(page)]));
      const problems = problemsIn([...files.keys()], project.options, files).map(
        problem => `${problem.file?.fileName} ${textOf(problem)}`,
      );
      expect(problems).toEqual([]);
    },
    COMPILE_TIMEOUT,
  );

  it(
    'compile in the application of a reader',
    () => {
      // Names that blocks leave to other blocks are the only unused ones.
      const options = { ...project.options, noUnusedLocals: false, noUnusedParameters: false };
      const files = new Map(
        blocks.map(block => [
          join(ROOT, 'test', `block-${block.page.replaceAll('/', '-')}-${block.line}.ts`),
          block,
        ]),
      );
      const texts = new Map(
        Array.from(files, ([file, block]) => [file, moduleOf(shownOf(block), OWN)] as const),
      );
      const problems = problemsIn([...files.keys()], options, texts).map(problem => {
        const block = files.get(problem.file?.fileName ?? '');
        return `${block?.page}:${block?.line} ${textOf(problem)}`;
      });
      expect(problems).toEqual([]);
    },
    COMPILE_TIMEOUT,
  );
});
