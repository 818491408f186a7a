// Checks that comments and pages keep to plain English. It names each finding by file and line.
// Usage: node .ci/check-style.js
import { readdirSync, readFileSync } from 'node:fs';

/** Matches a relative clause as the subject of a sentence: it hides who acts. */
const HEADLESS = /^(?:Who|Whoever|Whom|What|Whatever|Nobody|Of (?:a|an|the|what)) [a-z]/;

/** Phrases that make readers stop, each with better words. */
const PHRASES = [
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\blest\b/i, 'so that … not'],
  [/\bin vain\b/i, 'without effect'],
  [/\b(?:whoever|whomever)\b/i, 'name the client, the user or the caller'],
  [/\b(?:nobody|somebody|anybody)\b/i, 'name the client, the user or the caller'],
  [/(?<!there )\b(?:is|are) none\b(?! of)/i, 'is not a …'],
  [/\bwho (?:has|have|is|are)\b/i, 'name the client or the user'],
  [/(?<!\d{4} when it )\b(?:go|goes|went) on\b(?! (?:the class|handlers|methods))/i, 'continue'],
  [/\b(?:take|takes) leave\b/i, 'disconnect'],
  [/\b(?:come|comes) back\b(?! online)/i, 'reconnect, or recover'],
  [/\b(?:is|are|was|were) told\b/i, 'receives'],
  [/\btells\b/i, 'returns, reports or sends'],
  [/\b(?:hear|hears|heard)\b/i, 'receive'],
  [/\bfor ever\b/i, 'permanently'],
  [/\bas good as\b/i, 'name the effect'],
];

const sources = readdirSync('lib', { recursive: true })
  .filter(file => file.endsWith('.ts'))
  .map(file => `lib/${file}`);
// The page of attacks is generated from titles of tests.
const docs = readdirSync('docs', { recursive: true })
  .filter(file => file.endsWith('.md') && file !== 'attacks.md')
  .map(file => `docs/${file}`);
const pages = [
  'README.md',
  'PROTOCOL.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...docs,
];

const findings = [
  ...sources.flatMap(path => findingsIn(path, commentsOf(path))),
  ...pages.flatMap(path => findingsIn(path, proseOf(path))),
];
for (const finding of findings) console.error(finding);
if (findings.length > 0) process.exit(1);

/** Returns the text of each line, or an empty text where a line has no comment. */
function commentsOf(path) {
  return linesOf(path).map(line => {
    const [, text = ''] = /^\s*(?:\/\/|\/\*\*?|\*(?!\/))(.*)$/.exec(line) ?? [];
    return text.replace(/\*\/$/, '').replace(/@\w+(?: \{.*?\})?/g, '\n');
  });
}

/** Returns the text of each line without code, links and the marks of lists and tables. */
function proseOf(path) {
  let isCode = false;
  return linesOf(path).map(line => {
    if (/^ *```/.test(line)) isCode = !isCode;
    if (isCode || /^ *```/.test(line)) return '';
    return line.replace(/\]\([^)]*\)/g, ']').replace(/^\s*(?:#+|[-*>]|\d+\.) |[|]/g, '\n');
  });
}

function linesOf(path) {
  return readFileSync(path, 'utf8').split('\n');
}

function findingsIn(path, lines) {
  return sentencesOf(lines).flatMap(({ number, text }) => {
    if (text.endsWith('?')) return [];
    const problems = PHRASES.flatMap(([phrase, advice]) => {
      const [found] = phrase.exec(text) ?? [];
      return found ? [`"${found}": ${advice}`] : [];
    });
    if (HEADLESS.test(text)) problems.unshift('begins with a relative clause: name the subject');
    return problems.map(problem => `${path}:${number}: ${problem}: ${text.slice(0, 80)}`);
  });
}

/** Joins lines that follow one another, and splits them into sentences, each with the number of its first line. */
function sentencesOf(lines) {
  const sentences = [];
  let text = '';
  let number = 0;
  const end = () => {
    if (text.trim()) sentences.push({ number, text: text.trim() });
    text = '';
  };
  for (const [index, line] of lines.entries()) {
    if (!line.trim()) end();
    // Inline code is data, not text.
    const parts = line.replace(/`[^`]*`/g, '`…`').split(/\n|(?<=[.!?]) /);
    for (const [place, part] of parts.entries()) {
      if (place > 0) end();
      if (!text.trim()) number = index + 1;
      text += ` ${part.trim()}`;
      if (/[.!?]$/.test(part.trim())) end();
    }
  }
  end();
  return sentences;
}
