import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = process.cwd();
const DIRECTORY = join(ROOT, 'test', 'types');

/** The configuration of `npm run typecheck`. */
function project(): ts.ParsedCommandLine {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), path => ts.sys.readFile(path));
  return ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
}

describe('type tests', () => {
  const { fileNames, options } = project();
  const files = readdirSync(DIRECTORY, { recursive: true, encoding: 'utf8' }).map(name =>
    join(DIRECTORY, name),
  );

  it('are all part of what npm run typecheck checks', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(fileNames).toEqual(expect.arrayContaining(files));
  });

  it('compile where they must, and fail where they must not compile', () => {
    const program = ts.createProgram(files, options);
    const problems = files
      .map(file => program.getSourceFile(file))
      .flatMap(source => [
        ...program.getSyntacticDiagnostics(source),
        ...program.getSemanticDiagnostics(source),
      ])
      .map(({ file, start, messageText }) => {
        const line = file && file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
        return `${file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
      });
    expect(problems).toEqual([]);
  }, 180_000);
});
