import { SemanticEventsConfigError } from '../protocol/index.js';
import { copyProblems } from './loaded-copies.js';
import { foundVersions, versionProblems } from './versions.js';

export { optionalPackage } from './optional-package.js';

/** Checks whether this process can serve gateways safely. @throws SemanticEventsConfigError with every problem */
export function assertPlatform(): void {
  const problems = [...copyProblems(), ...versionProblems(foundVersions())];
  if (problems.length > 0) throw new SemanticEventsConfigError(problems);
}
