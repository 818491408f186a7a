import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpException } from '@nestjs/common';
import { isVerdict } from '../../../lib/handler/index.js';
import { isInstance, RefusalError, RefusedCallError } from '../../../lib/protocol/index.js';
import { ODD_ERRORS } from '../../helpers/odd-errors.js';

const LIB = join(import.meta.dirname, '../../../lib');
/** These do not run in a server, or are the test itself. */
const ELSEWHERE = /^(client|doctor)\/|^protocol\/errors\.ts$/;

describe('a value that the application threw', () => {
  it.each([...Object.entries(ODD_ERRORS), ['null', () => null] as const])(
    'is tested without an error: %s',
    (_, make) => {
      const value = make();
      expect(RefusalError.is(value)).toBe(false);
      expect(isInstance(value, HttpException)).toBe(false);
      expect(isVerdict(value)).toBe(false);
    },
  );

  it('is never tested with instanceof', () => {
    const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' });
    const found = files
      .filter(file => file.endsWith('.ts') && !ELSEWHERE.test(file))
      .filter(file =>
        /\binstanceof \w*(Error|Exception)\b/.test(readFileSync(join(LIB, file), 'utf8')),
      );
    expect(found).toEqual([]);
  });

  it('is a refusal only if this library created it', () => {
    const refusal = new RefusalError('FORBIDDEN');
    expect(RefusalError.is(refusal)).toBe(true);
    expect(RefusalError.is(new RefusedCallError('call', refusal))).toBe(true);
    expect(RefusalError.is(Object.create(RefusalError.prototype))).toBe(false);
    expect(RefusalError.is(new Proxy(refusal, {}))).toBe(false);
  });
});
