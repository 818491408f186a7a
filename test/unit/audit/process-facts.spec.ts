import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, maxHeaderSize } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpFactsOf, maxOpenFiles, processFlags } from '../../../lib/audit/process-facts.js';

const flagsOf = (execArgv: string[], options?: string) =>
  processFlags({ execArgv, env: { NODE_OPTIONS: options } });

describe('the flags of the process', () => {
  it.each<[string[], string | undefined]>([
    [['--enable-source-maps', '--insecure-http-parser'], undefined],
    [['--insecure_http_parser'], undefined],
    [[], '--insecure-http-parser'],
    [[], '  --max-http-header-size=16384 "--insecure-http-parser"'],
  ])('are found on the command line and in NODE_OPTIONS: %j %s', (execArgv, options) => {
    const flags = flagsOf(execArgv, options);
    expect(flags).toContain('--insecure-http-parser');
    expect(httpFactsOf(undefined, flags).isLenient).toBe(true);
  });

  it('keep the value of a flag', () => {
    expect(flagsOf(['--inspect_brk=my_host:9229'])).toContain('--inspect-brk=my_host:9229');
  });
});

describe('the number of files that the process may open', () => {
  it.each([
    ['1024                 4096                 files', 1_024],
    ['unlimited            unlimited            files', Infinity],
  ])('is the soft limit of Linux: %s', (limits, expected) => {
    const file = join(mkdtempSync(join(tmpdir(), 'limits-')), 'limits');
    writeFileSync(file, `Max processes  7  7  processes\nMax open files            ${limits}\n`);
    expect(maxOpenFiles(file)).toBe(expected);
  });

  it('is Infinity if the system does not report it', () => {
    expect(maxOpenFiles('/nowhere')).toBe(Infinity);
    expect(maxOpenFiles('package.json')).toBe(Infinity);
  });
});

describe('the facts about an HTTP server', () => {
  it.each([
    [createServer(), false, maxHeaderSize],
    [createServer({ insecureHTTPParser: true }), true, maxHeaderSize],
    [createServer({ maxHeaderSize: 2 ** 24 }), false, 2 ** 24],
    [createServer({ maxHeaderSize: 1_024 }), false, maxHeaderSize],
    [createTlsServer({ insecureHTTPParser: true, maxHeaderSize: 2 ** 24 }), true, 2 ** 24],
    [undefined, false, maxHeaderSize],
  ])('are those of its options, or of the process: case %#', (server, isLenient, size) => {
    expect(httpFactsOf(server, [])).toEqual({ isLenient, maxHeaderSize: size });
  });
});
