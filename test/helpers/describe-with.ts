/**
 * `describe` for suites that need a program. Where it is not, they are skipped, and say so: `.ci/run` fails on that.
 *
 * @param install the packages of Debian it comes with
 */
export function describeWith(
  program: string,
  isThere: boolean,
  install: string,
): (name: string, suite: () => void) => void {
  if (isThere) return describe;
  const reason = `SKIPPED: no ${program} here (apt-get install ${install})`;
  return (name, suite) => {
    // Jest does not print the titles of what it skips.
    process.stderr.write(`${name}: ${reason}\n`);
    describe.skip(`${name} [${reason}]`, suite);
  };
}
