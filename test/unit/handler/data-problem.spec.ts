import { z } from 'zod';
import { classProblem, schemaProblem } from '../../../lib/handler/data-problem.js';

const problemOf = (schema: z.ZodType, data: unknown) =>
  schemaProblem(schema.safeParse(data).error?.issues ?? []);

describe('the reason for invalid data', () => {
  it('names members by path and violated rule', () => {
    const schema = z.object({ items: z.array(z.object({ count: z.number() })) });
    expect(problemOf(schema, { items: [{ count: 'x' }] })).toBe(
      'data.items.0.count (invalid_type)',
    );
  });

  it('counts unknown members and does not name them', () => {
    expect(problemOf(z.strictObject({}), { 'alice@private.example': 1, 'pin=4711': 2 })).toBe(
      'data (unrecognized_keys: 2)',
    );
    const issue = { property: 'pin', constraints: { whitelistValidation: 'pin should not exist' } };
    expect(classProblem([issue])).toBe('data.… (whitelistValidation)');
  });

  it('does not name a member that looks like text of a client', () => {
    const record = z.record(z.string(), z.number());
    expect(problemOf(record, { 'DE89 3704': 'x' })).toBe('data.… (invalid_type)');
    expect(problemOf(record, { ['a'.repeat(65)]: 'x' })).toBe('data.… (invalid_type)');
  });
});
