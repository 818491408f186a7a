import { EventEmitter, once } from 'node:events';
import { RefusalError } from '../../../lib/protocol/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { TelemetryRecorder } from '../../helpers/telemetry-recorder.js';

const VERIFICATION = 'semantic_events.verification.duration';
const STORE = 'semantic_events.store.operation.duration';

function setUp() {
  const clock = new FakeClock();
  const recorder = new TelemetryRecorder();
  return { clock, recorder, telemetry: recorder.telemetry({ clock }) };
}

describe('timed', () => {
  it('does not change arguments or result of the function', () => {
    const { telemetry } = setUp();
    const add = telemetry.timed('verification', (a: number, b: number) => a + b);
    expect(add(1, 2)).toBe(3);
    const promise = Promise.resolve(1);
    expect(telemetry.timed('verification', () => promise)()).toBe(promise);
  });

  it('records the time in seconds, until a returned promise settles', async () => {
    const { clock, recorder, telemetry } = setUp();
    telemetry.timed('verification', () => {
      clock.advance(2);
    })();
    const store = new EventEmitter();
    const answered = telemetry.timed('verification', () => once(store, 'answer'))();
    clock.advance(500);
    expect(await recorder.series(VERIFICATION)).toEqual([[{}, 1]]);
    store.emit('answer');
    await answered;
    expect(await recorder.series(VERIFICATION)).toEqual([[{}, 2]]);
    expect(await recorder.seconds(VERIFICATION)).toBeCloseTo(0.502);
  });

  it('passes errors on and records their code, or that there is none', async () => {
    const { recorder, telemetry } = setUp();
    const failing = (error: unknown) =>
      telemetry.timed({ store: 'nonces' }, () => {
        throw error;
      });
    expect(failing(new RefusalError('UNAVAILABLE'))).toThrow(RefusalError);
    const rejecting = telemetry.timed({ store: 'nonces' }, () =>
      Promise.reject(new Error('canary')),
    );
    await expect(rejecting()).rejects.toThrow('canary');
    const of = (type: string) => ({ 'semantic_events.store.name': 'nonces', 'error.type': type });
    expect(await recorder.series(STORE)).toEqual([
      [of('UNAVAILABLE'), 1],
      [of('_OTHER'), 1],
    ]);
  });
});
