import type { LoadShedder } from '../availability/load-shedder';
import type { GatewayRequest } from './gateway.types';

/** Nearly all bodies are smaller: they are refused where there is no memory, and counted they would be for more than they cost. */
const SMALL_BYTES = 16 * 1024;

/** Takes room in memory for a body before it is read, until its response is over (F45). @throws OverloadedError */
export function takeRoom(shedder: LoadShedder, to: GatewayRequest, limitBytes: number): void {
  const { request, response } = to;
  // Who has gone while it was looked who it is sends nothing more, and no end of its response would give the room back.
  if (response.destroyed) return;
  const bytes = bodyBytesOf(to, limitBytes);
  if (bytes <= SMALL_BYTES) {
    shedder.assertRoom(bytes);
    return;
  }
  shedder.admit(request, bytes);
  response.once('close', () => shedder.release(request));
}

/** Of a body without a length: what it may have at most. One that says more than that is refused before it is read. */
function bodyBytesOf({ request: { headers } }: GatewayRequest, limitBytes: number): number {
  if (headers['transfer-encoding'] !== undefined) return limitBytes;
  const length = Number(headers['content-length'] ?? 0);
  return length <= limitBytes ? length : 0;
}
