import type { OidcAuthOptions } from '../../../lib/index.js';
import { checkOidc } from '../../../lib/options/oidc-options.js';
import { Problems } from '../../../lib/options/problems.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';

function problemsOf(oidc: unknown): readonly string[] {
  const problems = new Problems();
  checkOidc(oidc as OidcAuthOptions, problems);
  try {
    problems.throwIfAny();
  } catch (error) {
    return (error as SemanticEventsConfigError).problems;
  }
  return [];
}

const valid = { issuer: 'https://issuer.example', audience: 'api' };

describe('auth.oidc', () => {
  it.each([
    {},
    { issuer: 'http://localhost:8080/realms/demo' },
    { issuer: 'http://127.0.0.1:8080' },
    { issuer: 'http://[::1]:8080' },
    { jwksUri: 'https://keys.example/jwks' },
    { algorithms: ['ES256', 'EdDSA', 'ES256K'] },
    { audience: ['a', 'b'], audienceClaim: 'client_id', clockTolerance: 0 },
  ])('accepts %j', more => {
    expect(problemsOf({ ...valid, ...more })).toEqual([]);
  });

  it.each<[object, RegExp]>([
    [{ issuer: undefined }, /issuer must be an https URL/],
    [{ issuer: 'http://issuer.example' }, /issuer must be an https URL/],
    [{ issuer: 'http://127.0.0.1.evil.example' }, /issuer must be an https URL/],
    [{ issuer: 'https://user:pass@issuer.example' }, /issuer must be an https URL/],
    [{ issuer: 'issuer.example' }, /issuer must be an https URL/],
    [{ issuer: 'https://issuer.example\r' }, /issuer has white space around it/],
    [{ issuer: '"https://issuer.example"' }, /issuer has quotation marks around it/],
    [{ issuer: 'https://issuer.example?x=1' }, /issuer must have no query/],
    [{ audience: undefined }, /audience is missing/],
    [{ audience: '' }, /audience must be a non-empty string/],
    [{ audience: ['api', 'api '] }, /audience has white space around it/],
    [{ audience: [] }, /audience must be a non-empty string/],
    [{ audienceClaim: 'sub' }, /audienceClaim must be one of aud, client_id, azp/],
    [{ jwksUri: 'https://keys.example\n' }, /jwksUri has white space around it/],
    [{ jwksUri: 'http://keys.example' }, /jwksUri must be an https URL/],
    [{ algorithms: [] }, /algorithms must be a list/],
    [{ algorithms: ['none'] }, /algorithms may have algorithms with a public key only/],
    [{ algorithms: ['RS256', 'HS256'] }, /algorithms may have algorithms with a public key only/],
    [{ clockTolerance: -1 }, /clockTolerance must be/],
    [{ toUser: 'x' }, /toUser must be a function/],
    [{ secret: 'x' }, /secret is not an option/],
  ])('rejects %j', (more, problem) => {
    const problems = problemsOf({ ...valid, ...more });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });
});
