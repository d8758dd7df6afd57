import { ValidationFailedError } from '../common/domain-error';
import type { LogPosition } from '../logs/log-entries';

const SHAPE = /^m(\d{1,15})\.s(\d{1,15})\.o(\d{1,15})$/;

/** Where a stream stands in all three logs, as one id: whatever event came last, a client can go on from it. */
export function toEventId({ mcp, system, operations }: LogPosition): string {
  return `m${mcp}.s${system}.o${operations}`;
}

/** @throws ValidationFailedError for what no event of ours had */
export function fromEventId(id: string): LogPosition {
  const [, mcp, system, operations] = SHAPE.exec(id) ?? [];
  if (mcp === undefined) {
    const message = 'is not the id of an event of this server; leave it out to begin now';
    throw new ValidationFailedError([{ path: 'Last-Event-ID', message }]);
  }
  return { mcp: Number(mcp), system: Number(system), operations: Number(operations) };
}
