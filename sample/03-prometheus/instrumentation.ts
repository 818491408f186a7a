import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

// Serves http://127.0.0.1:9464/metrics. Without a host it would listen on every interface.
const exporter = new PrometheusExporter({ host: '127.0.0.1' });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
