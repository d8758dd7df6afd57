import { traceContextOf } from './trace-context';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const VALID = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

describe('the trace context of a request', () => {
  it('is taken as it came, with the state beside it', () => {
    expect(traceContextOf({ traceparent: VALID, tracestate: 'vendor=1' })).toEqual({
      traceparent: VALID,
      tracestate: 'vendor=1',
      traceId: TRACE_ID,
    });
    expect(traceContextOf({ traceparent: VALID })?.tracestate).toBeNull();
  });

  it.each([
    undefined,
    '',
    'nonsense',
    `ff-${TRACE_ID}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `00-${TRACE_ID.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${TRACE_ID}-00f067aa0ba902b7`,
    `${VALID}-${'x'.repeat(1_000)}`,
  ])('is none where the header is %p', (traceparent) => {
    expect(traceContextOf({ traceparent })).toBeNull();
  });

  it('has no state where that is too long or no text', () => {
    for (const tracestate of ['x'.repeat(513), 'a\u0001b', 'ü']) {
      expect(traceContextOf({ traceparent: VALID, tracestate })).toMatchObject({ traceId: TRACE_ID, tracestate: null });
    }
  });
});
