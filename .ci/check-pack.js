// Checks what `npm pack` would publish: nothing but the built library and its documents, and not too much of it.
import { readFileSync } from 'node:fs';

const MAX_BYTES = 150_000;
const ALLOWED = /^(dist\/.+\.(js|d\.ts)|package\.json|(README|PROTOCOL|LICENSE)(\.md)?)$/;

const [{ files, size }] = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const strays = files.map(file => file.path).filter(path => !ALLOWED.test(path));
console.log(`pack: ${files.length} files, ${size} bytes`);
if (strays.length > 0) throw new Error(`would be published by mistake: ${strays.join(', ')}`);
if (size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
