import { remoteParentOf } from '../../../lib/opentelemetry/trace-parent.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe('remoteParentOf', () => {
  it('returns the span of the traceparent, with the known flags and the trace state', () => {
    const tracestate = 'vendor=a,other=b';
    expect(remoteParentOf({ traceparent: PARENT, tracestate })).toMatchObject({
      traceId: TRACE,
      spanId: SPAN,
      traceFlags: 1,
      isRemote: true,
    });
    expect(remoteParentOf({ traceparent: PARENT, tracestate })?.traceState?.serialize()).toBe(
      tracestate,
    );
    expect(remoteParentOf({ traceparent: `00-${TRACE}-${SPAN}-fe` })?.traceFlags).toBe(0);
  });

  it('accepts later versions and reads only the known fields', () => {
    expect(remoteParentOf({ traceparent: `01-${TRACE}-${SPAN}-01-more` })?.spanId).toBe(SPAN);
    expect(remoteParentOf({ traceparent: `01-${TRACE}-${SPAN}-01` })?.spanId).toBe(SPAN);
  });

  it.each([
    ['not an event', null],
    ['text', PARENT],
    ['absent', {}],
    ['not a string', { traceparent: 1 }],
    ['empty', { traceparent: '' }],
    ['of the invalid version ff', { traceparent: `ff-${TRACE}-${SPAN}-01` }],
    ['of version 00 with additional fields', { traceparent: `${PARENT}-more` }],
    ['with an all-zero trace id', { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` }],
    ['with an all-zero span id', { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` }],
    ['in upper case', { traceparent: PARENT.toUpperCase() }],
    ['followed by another line', { traceparent: `${PARENT}\n` }],
    ['short', { traceparent: PARENT.slice(0, -1) }],
    ['long', { traceparent: `01-${TRACE}-${SPAN}-01-${'x'.repeat(2_000)}` }],
  ])('returns undefined if traceparent is %s', (_, event) => {
    expect(remoteParentOf(event)).toBeUndefined();
  });

  it.each([
    ['longer than the standard allows', `a=${'b'.repeat(511)}`],
    ['not a string', 1],
    ['malformed', 'no equals sign'],
  ])('returns no trace state if tracestate is %s', (_, tracestate) => {
    const parent = remoteParentOf({ traceparent: PARENT, tracestate });
    expect(parent?.spanId).toBe(SPAN);
    expect(parent?.traceState?.serialize() ?? '').toBe('');
  });
});
