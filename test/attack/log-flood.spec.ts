import { DemoGateway } from '../helpers/demo.gateway.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { TelemetryRecorder } from '../helpers/telemetry-recorder.js';
import { TestApp } from '../helpers/test-app.js';

const CLIENTS = 10;
const FRAMES = 10_000;
const BATCH = 500;

/** One frame for each rejection that does not close the connection. */
const KINDS = [
  '{',
  '{"type":"event","event":{}}',
  '{"event":"no.such.handler","data":1}',
  JSON.stringify({
    type: 'event',
    event: {
      specversion: '1.0',
      type: 'demo.echo',
      source: 'x',
      id: 'x',
      time: new Date().toISOString(),
      semanticnonce: 'n'.repeat(16),
    },
  }),
];

describe('a flood of 100,000 rejected frames', () => {
  it('leaves fewer than 50 log lines and few reasons at debug, and lines and metrics count every frame', async () => {
    const recorder = new TelemetryRecorder();
    const start = performance.now();
    let log: LogLine[] = [];
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: {
        telemetry: recorder.telemetry(),
        connection: {
          messageRate: 1,
          messageBurst: 1_000,
          maxStrikes: 2 * FRAMES,
          // A ping would be one more rejected frame.
          heartbeatInterval: 3_600_000,
        },
      },
      prepare: () => {
        log = captureLog();
      },
    });
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, number) => app.login(`user-${number}`)),
    );
    const codes = new Set<string>();
    for (let sent = 0; sent < FRAMES; sent += BATCH)
      await Promise.all(
        clients.map(async client => {
          for (let frame = 0; frame < BATCH; frame++)
            client.socket.send(KINDS[frame % KINDS.length]!);
          for (const { code, data } of await client.take(BATCH))
            codes.add((code ?? data.code) as string);
        }),
      );
    const refused = await recorder.series('semantic_events.event.refused');
    await app.stop();

    expect([...codes].sort()).toEqual([
      'BAD_FRAME',
      'INVALID_EVENT',
      'INVALID_SIGNATURE',
      'RATE_LIMITED',
      'UNKNOWN_EVENT',
    ]);
    const seconds = Math.ceil((performance.now() - start) / 1_000);
    const isReason = ({ level, text }: LogLine) => level === 'debug' && text.includes(' reason=');
    const reasons = log.filter(isReason).length;
    expect(reasons).toBeGreaterThan(0);
    // The development limit at once, and one per second.
    expect(reasons).toBeLessThanOrEqual(200 + seconds);
    const others = log.filter(line => !isReason(line));
    expect(others.length).toBeLessThan(50);
    const lines = others.filter(({ context }) => context === 'Security');
    const reportedCount = lines
      .filter(({ text }) => text.startsWith('refused '))
      .reduce((sum, { text }) => sum + Number(/: (\d+) more in/.exec(text)?.[1] ?? 1), 0);
    expect(reportedCount).toBe(CLIENTS * FRAMES);
    expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBe(CLIENTS * FRAMES);
  }, 120_000);
});
