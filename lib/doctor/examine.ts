import { optionalPackage } from '../start-up/index.js';
import { parseUrl, reach, resolve, secure } from './network.js';
import { ok, skip, StepFailure, type StepResult } from './report.js';
import { Session } from './session.js';

export interface Examination {
  readonly url: string;
  readonly origin?: string;
  readonly token?: string;
  /** The type of the event that is sent. */
  readonly event?: string;
  readonly data?: unknown;
}

/**
 * Connects as a client does, step by step, and reports each one. It stops at the first step that fails.
 *
 * @returns whether no step failed
 */
export async function examine(
  subject: Examination,
  report: (result: StepResult) => void,
): Promise<boolean> {
  let session: Session | undefined;
  try {
    const url = parseUrl(subject.url);
    report(ok('url', url.href));
    for (const step of [resolve, reach, secure]) report(await step(url));
    const ws = await optionalPackage(() => import('ws'), {
      name: 'ws',
      neededBy: 'nestjs-semantic-events doctor',
      version: '8',
    });
    session = await Session.open(url, ws, subject.origin);
    report(ok('upgrade', `subprotocol ${session.subprotocol || '(none)'}`));
    report(
      subject.origin === undefined
        ? skip('origin', 'no Origin was sent', 'Pass the origin of your page by --origin')
        : ok('origin', `${subject.origin} is accepted`),
    );
    report(await session.compareClocks());
    report(await session.authenticate(subject.token));
    report(await session.echo(subject.event, subject.data));
    return true;
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    const { step, finding, check } = error;
    report({ status: 'fail', step, finding, check });
    return false;
  } finally {
    session?.close();
  }
}
