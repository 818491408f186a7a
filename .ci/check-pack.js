// Checks that `npm pack` publishes the built library, its sources and its documents, and nothing else.
import { readFileSync } from 'node:fs';

const ALLOWED =
  /^(dist\/.+\.(js|d\.ts)(\.map)?|dist\/cjs\/package\.json|lib\/.+\.ts|docs\/[\w./-]+|package\.json|LICENSE|[A-Z]+\.md)$/;
const REQUIRED = [
  'LICENSE',
  'README.md',
  'PROTOCOL.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'dist/index.js',
  'dist/cjs/index.js',
  'dist/doctor/main.js',
];

const [{ files, size, unpackedSize }] = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const paths = files.map(file => file.path);
console.log(`pack: ${files.length} files, ${size} bytes packed, ${unpackedSize} unpacked`);
const strays = paths.filter(path => !ALLOWED.test(path));
if (strays.length > 0) throw new Error(`would be published by mistake: ${strays.join(', ')}`);
const missing = REQUIRED.filter(path => !paths.includes(path));
if (missing.length > 0) throw new Error(`missing in the package: ${missing.join(', ')}`);

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const open = ['repository', 'bugs', 'homepage'].filter(member => !(member in manifest));
if (open.length > 0) console.log(`pack: ${open.join(', ')} wait for a public address`);
