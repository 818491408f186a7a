import { type CanActivate, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { defer, from, map } from 'rxjs';
import { SecureGateway, SignedEvent } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { keepContexts, TelemetryRecorder } from '../helpers/telemetry-recorder.js';
import { TestApp } from '../helpers/test-app.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

let recorder: TelemetryRecorder;

/** Spans that the application creates. */
function ownSpan(name: string): void {
  recorder.tracers.getTracer('application').startSpan(name).end();
}

class TracingGuard implements CanActivate {
  canActivate(): boolean {
    ownSpan('own.guard');
    return true;
  }
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class TracedGateway {
  @SubscribeMessage('traced.async')
  @UseGuards(TracingGuard)
  @SignedEvent()
  async traced() {
    await new Promise(setImmediate);
    ownSpan('own.async');
    return 'done';
  }

  @SubscribeMessage('traced.observable')
  observable() {
    return defer(async () => {
      await new Promise(setImmediate);
      ownSpan('own.deferred');
      return [1, 2];
    }).pipe(map(all => all.length));
  }

  @SubscribeMessage('traced.stream')
  stream() {
    return from([1, 2, 3]);
  }
}

/** Handlers of this gateway have no interceptor. */
@WebSocketGateway({ path: '/events' })
class BareGateway {
  @SubscribeMessage('traced.bare')
  bare() {
    return defer(async () => {
      ownSpan('own.bare');
      return { event: 'bare', data: 1 };
    });
  }
}

async function login() {
  const app = await TestApp.start({
    gateways: [TracedGateway, BareGateway, DemoGateway],
    options: { telemetry: recorder.telemetry() },
  });
  return app.login();
}

beforeEach(() => {
  recorder = new TelemetryRecorder();
  keepContexts();
});

afterEach(() => {
  context.disable();
});

describe('the span of a handler', () => {
  it('has the kind consumer, the name of the handler and the event type', async () => {
    const client = await login();
    const event = client.emit('traced.async');
    await client.next();
    const span = recorder.span('process traced.async');
    expect(span.kind).toBe(SpanKind.CONSUMER);
    expect(span.instrumentationScope.name).toBe('nestjs-semantic-events');
    expect(span.attributes).toEqual({
      'messaging.system': 'semantic_events',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'traced.async',
      'cloudevents.event_id': event.id,
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("has the span of the event's traceparent as its parent, with its trace state", async () => {
    const client = await login();
    client.emit('traced.async', 1, { traceparent: TRACEPARENT, tracestate: 'vendor=a' });
    await client.next();
    const span = recorder.span('process traced.async');
    expect(span.spanContext()).toMatchObject({ traceId: TRACE, traceFlags: 1 });
    expect(span.parentSpanContext).toMatchObject({ spanId: SPAN, isRemote: true });
    expect(span.spanContext().traceState?.get('vendor')).toBe('a');
  });

  it.each([
    ['none', {}],
    ['a malformed traceparent', { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` }],
    [
      'a traceparent that is too long',
      { traceparent: `01-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}` },
    ],
  ])('starts a new trace if the event has %s', async (_, attributes) => {
    const client = await login();
    client.emit('traced.async', 1, attributes);
    expect((await client.next()).type).toBe('event');
    const span = recorder.span('process traced.async');
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.spanContext().traceId).not.toBe(TRACE);
  });

  it('is not a child of the span in which its message was read', async () => {
    const other = recorder.tracers.getTracer('application').startSpan('other');
    const handler = recorder.telemetry().handled('demo.echo', () => 'done');
    await context.with(trace.setSpan(context.active(), other), () => handler({}, 'demo.echo'));
    expect(recorder.span('process demo.echo').parentSpanContext).toBeUndefined();
  });

  it.each([
    ['traced.async', ['own.guard', 'own.async']],
    ['traced.observable', ['own.deferred']],
  ])('is the parent of the spans of %s', async (type, names) => {
    const client = await login();
    client.emit(type, 1, { traceparent: TRACEPARENT });
    await client.next();
    await client.settled(5);
    const { spanId } = recorder.span(`process ${type}`).spanContext();
    for (const name of names) {
      expect(recorder.span(name).parentSpanContext?.spanId).toBe(spanId);
      expect(recorder.span(name).spanContext().traceId).toBe(TRACE);
    }
  });

  it('is the parent of the spans of a handler without interceptors', async () => {
    const client = await login();
    client.sendJson({ event: 'traced.bare', data: { traceparent: TRACEPARENT } });
    await client.next();
    const { spanId, traceId } = recorder.span('process traced.bare').spanContext();
    expect(traceId).toBe(TRACE);
    expect(recorder.span('own.bare').parentSpanContext?.spanId).toBe(spanId);
  });

  it('does not mix spans of concurrent events', async () => {
    const client = await login();
    const parents = Array.from({ length: 20 }, (_, number) => String(number + 1).padStart(16, '0'));
    for (const parent of parents)
      client.emit('traced.async', 1, { traceparent: `00-${TRACE}-${parent}-01` });
    await client.take(20);
    const handlers = recorder.spans.filter(({ name }) => name === 'process traced.async');
    expect(handlers.map(span => span.parentSpanContext?.spanId).sort()).toEqual(parents);
    const own = recorder.spans.filter(({ name }) => name === 'own.async');
    expect(own.map(span => span.parentSpanContext?.spanId).sort()).toEqual(
      handlers.map(span => span.spanContext().spanId).sort(),
    );
  });

  it('ends once, with the last answer', async () => {
    const client = await login();
    client.emit('traced.stream');
    await client.take(3);
    expect(recorder.span('process traced.stream').ended).toBe(true);
  });

  it.each([
    ['demo.throws', 'INTERNAL', SpanStatusCode.ERROR],
    ['demo.failing-stream', 'INTERNAL', SpanStatusCode.ERROR],
    ['demo.refuses', 'FORBIDDEN', SpanStatusCode.UNSET],
  ])('has the code with which %s was rejected, but not the error', async (type, code, status) => {
    const client = await login();
    client.emit(type);
    expect((await client.next()).code).toBe(code);
    const span = recorder.span(`process ${type}`);
    expect(span.attributes['error.type']).toBe(code);
    expect(span.status).toEqual({ code: status });
    expect(JSON.stringify(span.events)).not.toContain('secret');
  });
});

it('without a context manager handlers are traced and rejections have their code', async () => {
  context.disable();
  const client = await login();
  client.emit('demo.refuses', 1, { traceparent: TRACEPARENT });
  await client.next();
  expect(recorder.span('process demo.refuses')).toMatchObject({
    attributes: { 'error.type': 'FORBIDDEN' },
    parentSpanContext: { spanId: SPAN },
  });
});

it('an invalid message name is never the name of a span', async () => {
  const client = await login();
  client.sendJson({ event: 'made up\nby a peer', data: 1 });
  await client.next();
  expect(recorder.spans).toEqual([]);
});
