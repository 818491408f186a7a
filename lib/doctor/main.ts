#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SemanticEventsError } from '../protocol/index.js';
import { examine } from './examine.js';
import { explain } from './explain.js';
import { lineOf, printable } from './report.js';

const USAGE = `Usage:
  nestjs-semantic-events doctor <url> [--origin <origin>] [--token <token>] [--event <type>] [--data <json>]
      Connects as a client does, and says at which step that fails and what to check.
      SEMANTIC_EVENTS_TOKEN stands for --token, which other users of this machine can read.

  nestjs-semantic-events doctor --explain <event.json> --key <secret> [--key-id <id>] [--direction c2s|s2c]
      Prints the canonical text and the signature that the server expects. The key is the secret of a ring key;
      --session-key <base64url> takes the key of a connection. SEMANTIC_EVENTS_KEY stands for --key.
`;

const OPTIONS = {
  origin: { type: 'string' },
  token: { type: 'string' },
  event: { type: 'string' },
  data: { type: 'string' },
  explain: { type: 'string' },
  key: { type: 'string' },
  'session-key': { type: 'string' },
  'key-id': { type: 'string' },
  direction: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** Thrown for an invalid command line. */
class UsageError extends Error {}

type Values = ReturnType<typeof parse>['values'];

/** Runs the command. @returns the exit code: 0 on success, 1 if a check fails, 2 for an invalid command line */
async function main(): Promise<number> {
  const { values, positionals } = parse();
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [command, url] = positionals;
  if (command !== 'doctor') throw new UsageError('The command is missing');
  if (values.explain !== undefined) return runExplain(values.explain, values);
  if (url === undefined) throw new UsageError('The URL is missing');
  const { SEMANTIC_EVENTS_TOKEN: token } = process.env;
  const subject = {
    url,
    origin: values.origin,
    token: values.token ?? token,
    event: values.event,
    data: values.data === undefined ? undefined : jsonOf(values.data, '--data'),
  };
  const isWell = await examine(subject, result => {
    process.stdout.write(`${lineOf(result)}\n`);
  });
  return isWell ? 0 : 1;
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function runExplain(file: string, values: Values): number {
  const { direction = 'c2s' } = values;
  if (direction !== 'c2s' && direction !== 's2c')
    throw new UsageError('--direction must be c2s or s2c');
  const event = jsonOf(textOf(file), file);
  const { lines, isValid } = explain({
    event,
    key: keyOf(values),
    keyId: idOf(values, event),
    direction,
  });
  process.stdout.write(`${lines.map(printable).join('\n')}\n`);
  return isValid ? 0 : 1;
}

function keyOf(values: Values): Uint8Array {
  const session = values['session-key'];
  if (session !== undefined) return Buffer.from(session, 'base64url');
  const secret = values.key ?? process.env.SEMANTIC_EVENTS_KEY;
  if (!secret) throw new UsageError('--explain needs --key, --session-key or SEMANTIC_EVENTS_KEY');
  return Buffer.from(secret, 'utf8');
}

/** Returns `--key-id`, or the id in the signature of the event. */
function idOf(values: Values, event: unknown): string {
  const { semanticsignature } = (event ?? {}) as { semanticsignature?: unknown };
  const named = typeof semanticsignature === 'string' ? semanticsignature.split('.')[1] : undefined;
  return values['key-id'] ?? named ?? 'key';
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${name} is not JSON`);
  }
}

main().then(
  code => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const isKnown = error instanceof UsageError || error instanceof SemanticEventsError;
    process.stderr.write(isKnown ? `${error.message}\n\n${USAGE}` : `${String(error)}\n`);
    process.exitCode = 2;
  },
);
