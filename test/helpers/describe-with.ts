/**
 * Runs a suite that needs a program. Without the program the suite is skipped and prints so; `.ci/run` fails on that.
 *
 * @param install the Debian packages that provide the program
 */
export function describeWith(
  program: string,
  isThere: boolean,
  install: string,
): (name: string, suite: () => void) => void {
  if (isThere) return describe;
  const reason = `SKIPPED: no ${program} here (apt-get install ${install})`;
  return (name, suite) => {
    // Jest does not print the titles of skipped tests.
    process.stderr.write(`${name}: ${reason}\n`);
    describe.skip(`${name} [${reason}]`, suite);
  };
}
