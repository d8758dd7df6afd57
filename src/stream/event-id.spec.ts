import { fromEventId, toEventId } from './event-id';

describe('the id of an event', () => {
  it('holds the place in all three logs', () => {
    const position = { mcp: 12, system: 3, operations: 999_999_999_999_999 };
    expect(toEventId(position)).toBe('m12.s3.o999999999999999');
    expect(fromEventId(toEventId(position))).toEqual(position);
  });

  it.each(['', '12', 'm1.s2', 'm1.s2.o3.x4', 'm-1.s2.o3', 'm1.s2.o1e3', ' m1.s2.o3', 'm1.s2.o1234567890123456'])(
    'is not %j',
    (id) => {
      expect(() => fromEventId(id)).toThrow(/Last-Event-ID is not the id of an event/);
    },
  );
});
