import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

// At http://127.0.0.1:9464/metrics: left out, the host is every interface.
const exporter = new PrometheusExporter({ host: '127.0.0.1' });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
