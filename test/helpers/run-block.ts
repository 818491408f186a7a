import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, blocksOf, moduleOf } from './code-blocks.js';
import type { Json } from './test-client.js';

/** The blocks that a test runs. */
export const taken = new Set<string>();

export const nameOf = ({ page, code }: Pick<Block, 'page' | 'code'>) => `${page}: ${code}`;

/** Returns the only block of a page that contains a text, and marks it as run. */
export function take(page: string, text: string): Block {
  const found = blocksOf(page).filter(({ code }) => code.includes(text));
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks with ${text}`);
  taken.add(nameOf(found[0]!));
  return found[0]!;
}

interface Reader {
  /** The reader's own values, by their name in the block. */
  given?: Record<string, unknown>;
  /** Texts to replace, such as a port that may be in use. */
  change?: [from: string, to: string][];
  /** Adds the code around a block. */
  within?: (code: string) => string;
}

/** An import of a file of the reader, such as `import { users } from './users.js';`. */
const OWN_IMPORT = /^import \{[^}]*\} from '\.[^']*';\n/gm;

const GIVEN = '__givenToBlocks';
const given: Record<string, Record<string, unknown>> = {};
let folder: string | undefined;

/** Runs a block as a module, with the given values in place of the reader's files. @returns its declarations */
export async function run(
  block: Block,
  { given: mine = {}, change = [], within = code => code }: Reader = {},
): Promise<Json> {
  const id = `block-${Object.keys(given).length}`;
  Object.assign(globalThis, { [GIVEN]: Object.assign(given, { [id]: mine }) });
  const code = change.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${block.page}:${block.line} has no ${from}`);
    return text.replaceAll(from, to);
  }, block.code);
  const own = Object.fromEntries(
    Object.keys(mine).map(name => [name, `const { ${name} } = globalThis.${GIVEN}['${id}'];`]),
  );
  const text = moduleOf(exported(within(code.replace(OWN_IMPORT, ''))), own);
  mkdirSync('build', { recursive: true });
  folder ??= mkdtempSync(join(process.cwd(), 'build', 'blocks-'));
  const file = join(folder, `${id}.ts`);
  writeFileSync(file, text);
  return (await import(file)) as Json;
}

/** Exports the declarations of a block, so that a test can read them. */
function exported(code: string): string {
  const names = [...code.matchAll(/^(?:const|class) (\w+|\{ \w+ \})/gm)].map(({ 1: name = '' }) =>
    name.replace(/[{} ]/g, ''),
  );
  return names.length > 0 ? `${code}\nexport { ${names.join(', ')} };` : code;
}

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});
