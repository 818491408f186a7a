// Telemetry as in production: OpenTelemetry's SDK with every metric and every span, exported nowhere.
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, NoopSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { openTelemetry } from 'nestjs-semantic-events/opentelemetry';

/** @param what 'metrics' measures only, 'all' also traces */
export function telemetry(what) {
  const readers = [new PrometheusExporter({ preventServerStart: true })];
  const meterProvider = new MeterProvider({ readers });
  if (what === 'metrics') return openTelemetry({ meterProvider });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new NoopSpanProcessor()] });
  return openTelemetry({ meterProvider, tracerProvider });
}
