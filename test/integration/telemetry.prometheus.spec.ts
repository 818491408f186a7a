import { metrics } from '@opentelemetry/api';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import { openTelemetry } from '../../lib/opentelemetry/index.js';
import { emitByRing } from '../helpers/by-ring.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { freePort } from '../helpers/free-port.js';
import { TestApp } from '../helpers/test-app.js';

afterEach(async () => {
  await (metrics.getMeterProvider() as MeterProvider).shutdown();
  metrics.disable();
});

it('the example of docs/operating.md exports every metric to Prometheus', async () => {
  const port = await freePort();
  process.env.OTEL_EXPORTER_PROMETHEUS_PORT = String(port);
  await import('../../sample/03-prometheus/instrumentation.js');
  const app = await TestApp.start({
    gateways: [DemoGateway],
    options: { telemetry: openTelemetry() },
  });
  const client = await app.login();
  for (const type of ['demo.echo', 'demo.refuses']) {
    emitByRing(client, type, 1);
    await client.next();
  }
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const scope = 'otel_scope_name="nestjs-semantic-events"';
  for (const series of [
    `event_accepted_total{semantic_events_event_type="demo.echo",${scope}} 1`,
    `event_refused_total{semantic_events_event_type="demo.refuses",error_type="FORBIDDEN",${scope}} 1`,
    `handler_duration_bucket{semantic_events_event_type="demo.echo",${scope},le="+Inf"} 1`,
    `authentication_duration_count{${scope}} 1`,
    `verification_duration_count{${scope}} 1`,
    `store_operation_duration_count{semantic_events_store_name="nonces",${scope}} 1`,
    `connection_count{${scope}} 1`,
    `connection_send_queue_size{${scope}} 0`,
  ])
    expect(text).toContain(`semantic_events_${series}\n`);
});
