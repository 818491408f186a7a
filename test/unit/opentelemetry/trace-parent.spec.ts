import { remoteParentOf } from '../../../lib/opentelemetry/trace-parent.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe('the parent an event names', () => {
  it('is the span of its traceparent, with the flags and the state that are known', () => {
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

  it('may be of a later version, of which no more than is known is read', () => {
    expect(remoteParentOf({ traceparent: `01-${TRACE}-${SPAN}-01-more` })?.spanId).toBe(SPAN);
    expect(remoteParentOf({ traceparent: `01-${TRACE}-${SPAN}-01` })?.spanId).toBe(SPAN);
  });

  it.each([
    ['not an event', null],
    ['text', PARENT],
    ['absent', {}],
    ['not text', { traceparent: 1 }],
    ['empty', { traceparent: '' }],
    ['of a version that never is', { traceparent: `ff-${TRACE}-${SPAN}-01` }],
    ['of version 00 with more behind', { traceparent: `${PARENT}-more` }],
    ['of no trace', { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` }],
    ['of no span', { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` }],
    ['in upper case', { traceparent: PARENT.toUpperCase() }],
    ['with a line behind', { traceparent: `${PARENT}\n` }],
    ['short', { traceparent: PARENT.slice(0, -1) }],
    ['long', { traceparent: `01-${TRACE}-${SPAN}-01-${'x'.repeat(2_000)}` }],
  ])('is none where it is %s', (_, event) => {
    expect(remoteParentOf(event)).toBeUndefined();
  });

  it.each([
    ['longer than the standard has it', `a=${'b'.repeat(511)}`],
    ['not text', 1],
    ['malformed', 'no equals sign'],
  ])('has no state where that is %s', (_, tracestate) => {
    const parent = remoteParentOf({ traceparent: PARENT, tracestate });
    expect(parent?.spanId).toBe(SPAN);
    expect(parent?.traceState?.serialize() ?? '').toBe('');
  });
});
