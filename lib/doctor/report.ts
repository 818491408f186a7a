/** The result of one step. */
export interface StepResult {
  /** `skip` if the caller did not pass what the step needs. */
  readonly status: 'ok' | 'fail' | 'skip';
  readonly step: Step;
  readonly finding: string;
  /** The advice, if the step failed or was skipped. */
  readonly check?: string;
}

/** The steps of a client, in their order. */
export const STEPS = [
  'url',
  'dns',
  'tcp',
  'tls',
  'upgrade',
  'origin',
  'clock',
  'authentication',
  'echo',
] as const;

export type Step = (typeof STEPS)[number];

/** Ends the examination: no later step can work. */
export class StepFailure extends Error {
  constructor(
    readonly step: Step,
    readonly finding: string,
    readonly check: string,
  ) {
    super(finding);
  }
}

export function ok(step: Step, finding: string): StepResult {
  return { status: 'ok', step, finding };
}

export function skip(step: Step, finding: string, check: string): StepResult {
  return { status: 'skip', step, finding, check };
}

/** Formats a result as one line for a terminal. */
export function lineOf({ status, step, finding, check }: StepResult): string {
  const label = { ok: 'ok  ', fail: 'FAIL', skip: 'skip' }[status];
  const lines = [`${label}  ${step.padEnd(15)} ${printable(finding)}`];
  if (check !== undefined) lines.push(`      ${'check:'.padEnd(15)} ${printable(check)}`);
  return lines.join('\n');
}

/** Characters that a terminal executes, reorders or does not show. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Escapes the characters that a terminal cannot show, as JSON does: a server may have sent them. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, character =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
