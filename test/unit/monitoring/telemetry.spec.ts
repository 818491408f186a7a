import { NO_TELEMETRY, Telemetry } from '../../../lib/monitoring/telemetry.js';

describe('NO_TELEMETRY', () => {
  const call = () => undefined;

  it('returns every function unchanged, so that it costs nothing', () => {
    expect(NO_TELEMETRY).toBeInstanceOf(Telemetry);
    expect(NO_TELEMETRY.timed('verification', call)).toBe(call);
    expect(NO_TELEMETRY.timed({ store: 'nonces' }, call)).toBe(call);
    expect(NO_TELEMETRY.timed({ handler: 'Greeter.greet' }, call)).toBe(call);
    expect(NO_TELEMETRY.handled('demo.echo', call)).toBe(call);
  });
});
