import { type Attributes, context, type MeterProvider as Meters } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type HistogramMetricData,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { openTelemetry, type OpenTelemetryOptions } from '../../lib/opentelemetry/index.js';

const NEVER = 2 ** 30;

/** Records with OpenTelemetry's own SDK in memory. */
export class TelemetryRecorder {
  private readonly metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  private readonly spanExporter = new InMemorySpanExporter();
  private readonly meters = new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({
        exporter: this.metricExporter,
        exportIntervalMillis: NEVER,
        exportTimeoutMillis: NEVER,
      }),
    ],
  });
  readonly tracers = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.spanExporter)],
  });

  /** Returns the telemetry option for an application. */
  telemetry(options: Partial<OpenTelemetryOptions> = {}) {
    const meterProvider: Meters = this.meters;
    return openTelemetry({ meterProvider, tracerProvider: this.tracers, ...options });
  }

  /** Returns all metrics recorded so far. */
  async metrics(): Promise<MetricData[]> {
    this.metricExporter.reset();
    await this.meters.forceFlush();
    return this.metricExporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  }

  /** Returns the values of a metric by attributes; for a histogram the counts. */
  async series(name: string): Promise<[Attributes, number][]> {
    const metric = (await this.metrics()).find(({ descriptor }) => descriptor.name === name);
    return (metric?.dataPoints ?? []).map(({ attributes, value }) => [
      attributes,
      typeof value === 'number' ? value : value.count,
    ]);
  }

  /** Returns the total time of a histogram in seconds. */
  async seconds(name: string): Promise<number> {
    const metric = (await this.metrics()).find(({ descriptor }) => descriptor.name === name);
    const points = (metric as HistogramMetricData | undefined)?.dataPoints ?? [];
    return points.reduce((sum, { value }) => sum + (value.sum ?? 0), 0);
  }

  get spans(): ReadableSpan[] {
    return this.spanExporter.getFinishedSpans();
  }

  span(name: string): ReadableSpan {
    const found = this.spans.filter(span => span.name === name);
    if (found.length !== 1) throw new Error(`${found.length} spans of the name ${name}`);
    return found[0]!;
  }
}

/** Keeps contexts from now on, as in an application with tracing. */
export function keepContexts(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}
