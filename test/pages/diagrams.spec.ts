import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runInThisContext } from 'node:vm';
import { type Block, blocksOf, PAGES } from '../helpers/code-blocks.js';

interface Mermaid {
  parse(text: string): Promise<{ diagramType: string }>;
}

// A script for browsers. Its parser needs no page.
const library = createRequire(import.meta.url).resolve('@mermaid-js/tiny');
const mermaid = runInThisContext(readFileSync(library, 'utf8')) as Mermaid;

const diagrams = PAGES.flatMap(blocksOf).filter(({ language }) => language === 'mermaid');

it('the pages have diagrams', () => {
  expect(diagrams.length).toBeGreaterThan(0);
});

it.each(diagrams.map((block): [string, Block] => [`${block.page}:${block.line}`, block]))(
  'the diagram at %s is a sequence diagram that Mermaid can read',
  async (_, { code }) => {
    expect(await mermaid.parse(code)).toMatchObject({ diagramType: 'sequence' });
  },
);

it('a diagram with an error is rejected', async () => {
  await expect(mermaid.parse('sequenceDiagram\n A->>B->>C: two arrows')).rejects.toThrow();
});
