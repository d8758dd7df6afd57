import type { IncomingHttpHeaders } from 'node:http';

/** Where a request belongs in a trace of its caller (W3C Trace Context): we carry it on and change nothing of it. */
export interface TraceContext {
  traceparent: string;
  tracestate: string | null;
  /** The part that all logs of one trace share. */
  traceId: string;
}

/** Version 00 exactly; of later versions the same beginning is promised. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]*)?$/;
const MOST_CHARACTERS = 512;
const TRACESTATE = /^[\x20-\x7e\t]*$/;

/** What the headers of a request say; null where there is none, or none that is valid. */
export function traceContextOf(headers: IncomingHttpHeaders): TraceContext | null {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string' || traceparent.length > MOST_CHARACTERS) return null;
  const traceId = TRACEPARENT.exec(traceparent)?.[1];
  if (traceId === undefined) return null;
  const state = Array.isArray(tracestate) ? tracestate.join(',') : tracestate;
  const isValid = state !== undefined && state !== '' && state.length <= MOST_CHARACTERS && TRACESTATE.test(state);
  return { traceparent, tracestate: isValid ? state : null, traceId };
}
