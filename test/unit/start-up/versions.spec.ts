import { foundVersions, versionProblems } from '../../../lib/start-up/versions.js';

const nest = (core: string, websockets = core) => ({
  '@nestjs/core': core,
  '@nestjs/common': core,
  '@nestjs/websockets': websockets,
});

describe('supported versions', () => {
  it('include those of this repository, which are all found', () => {
    const found = foundVersions();
    expect(Object.keys(found.nest)).toEqual([
      '@nestjs/core',
      '@nestjs/common',
      '@nestjs/websockets',
    ]);
    expect(versionProblems(found)).toEqual([]);
  });

  it.each([
    ['20.19.0', []],
    ['26.1.0', []],
    ['20.18.3', ['Node 20.18.3 is too old: install Node 20.19 or later']],
    ['18.20.4', ['Node 18.20.4 is too old: install Node 20.19 or later']],
  ])('include Node from 20.19 on: %s', (node, problems) => {
    expect(versionProblems({ node, nest: nest('12.1.0') })).toEqual(problems);
  });

  it.each(['11.0.1', '11.2.6', '12.5.1'])('include NestJS %s', version => {
    expect(versionProblems({ node: '22.0.0', nest: nest(version) })).toEqual([]);
  });

  it.each(['10.4.15', '13.0.0'])('exclude NestJS %s, with what to install', version => {
    const problems = versionProblems({ node: '22.0.0', nest: nest(version) });
    expect(problems).toHaveLength(3);
    expect(problems[0]).toBe(
      `@nestjs/core ${version} is not supported: install version 11 or 12, such as @nestjs/core@12`,
    );
  });

  it('must have one major, and a mismatch is reported with its fix', () => {
    expect(versionProblems({ node: '22.0.0', nest: nest('11.1.0', '12.1.1') })).toEqual([
      '@nestjs/websockets 12.1.1 does not fit @nestjs/core 11.1.0: install @nestjs/websockets@11',
    ]);
  });

  it('are not checked if they cannot be read, as in a bundle', () => {
    expect(versionProblems({ node: '22.0.0', nest: {} })).toEqual([]);
  });
});
