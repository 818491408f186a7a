import { copyProblems, OWN_PATH } from '../../../lib/start-up/loaded-copies.js';

describe('loaded copies of the package', () => {
  it('are one if only these sources are loaded', () => {
    expect(OWN_PATH).toBe(`${process.cwd()}/lib/start-up/loaded-copies.ts`);
    expect(copyProblems()).toEqual([]);
  });

  it('are reported with every path if there are several', () => {
    const [problem = '', ...more] = copyProblems(['/app/dist', '/app/dist/cjs']);
    expect(problem).toContain('/app/dist and /app/dist/cjs');
    expect(more).toEqual([]);
  });
});
