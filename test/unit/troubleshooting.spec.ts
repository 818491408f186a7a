import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientCode } from '../../lib/client/client-error.js';
import { CODES, HANDSHAKE_CODES } from '../../lib/protocol/index.js';

/** The codes of the client that the page explains. */
const CLIENT_CODES: ClientCode[] = ['TIMEOUT'];

const page = readFileSync('docs/troubleshooting.md', 'utf8');
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map(section => {
      const [title = '', ...lines] = section.split('\n');
      return [title, lines.join('\n')];
    }),
);

/** All text in lib/ that could contain a reason. */
const sources = readdirSync('lib', { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .map(file => readFileSync(join('lib', file), 'utf8'))
  .join('\n');

describe('docs/troubleshooting.md', () => {
  it('has a section for every code, and for no other', () => {
    const codes = [...Object.keys(CODES), ...Object.keys(HANDSHAKE_CODES), ...CLIENT_CODES];
    expect([...sections.keys()].sort()).toEqual(codes.sort());
  });

  it.each([...sections])('says more of %s than its name', (_, text) => {
    expect(text.split(/\s+/).length).toBeGreaterThan(15);
  });

  it('quotes reasons that the library gives', () => {
    const quoted = [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text),
    );
    expect(quoted.length).toBeGreaterThan(15);
    for (const reason of quoted)
      for (const part of reason.split(/…|"/)) {
        const text = part.trim();
        if (text.length > 3) expect([reason, findable(text)]).toEqual([reason, true]);
      }
  });
});

/** Names in a reason, such as `userId`, are filled in. */
function findable(text: string): boolean {
  const words = text.split(
    /auth\.\w+(?:\.\w+)?|direction \w+ where \w+|\buserId\b|\bnull\b|base64url/,
  );
  return words.every(part => sources.includes(part.trim()));
}
