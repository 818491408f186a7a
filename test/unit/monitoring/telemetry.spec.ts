import { NO_TELEMETRY, Telemetry } from '../../../lib/monitoring/index.js';

describe('no telemetry', () => {
  const call = () => undefined;

  it('leaves every function what it is, so that nothing is done for it', () => {
    expect(NO_TELEMETRY).toBeInstanceOf(Telemetry);
    expect(NO_TELEMETRY.timed('verification', call)).toBe(call);
    expect(NO_TELEMETRY.timed({ store: 'nonces' }, call)).toBe(call);
    expect(NO_TELEMETRY.timed({ handler: 'Greeter.greet' }, call)).toBe(call);
    expect(NO_TELEMETRY.handled('demo.echo', call)).toBe(call);
  });
});
