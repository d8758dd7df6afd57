import { aTrafficRecord } from '../../test/support/a-traffic-record';
import { MessageContexts } from './message-contexts';

describe('what messages have in common', () => {
  it('is found again for as long as its session is, whichever of its values differ', () => {
    const contexts = new MessageContexts();
    const first = contexts.of(aTrafficRecord({ sessionId: 's-1' }));
    contexts.nextBatch();
    expect(contexts.of(aTrafficRecord({ sessionId: 's-1', rpcId: 2, at: 2_000, payload: 'other' }))).toBe(first);
    for (const other of [
      ...[{ sessionId: null }, { toolId: 't-2' }, { toolName: 'news' }, { client: 'other' }, { method: 'ping' }],
      ...[
        { direction: 'from-server' as const },
        { kind: 'error' as const },
        { target: null },
        { outcome: 'ok' as const },
      ],
    ]) {
      const record = aTrafficRecord({ sessionId: 's-1', ...other });
      const known = contexts.of(record);
      expect(known).not.toBe(first);
      expect(record).toMatchObject(known.context);
    }
  });

  it('keeps eight of a session, and those of a thousand sessions', () => {
    const contexts = new MessageContexts();
    const of = (target: string, sessionId = 's-1') => contexts.of(aTrafficRecord({ target, sessionId }));
    const known = Array.from({ length: 9 }, (_, n) => of(`target ${n}`));
    expect(of('target 8')).toBe(known[8]);
    expect(of('target 1')).toBe(known[1]);
    expect(of('target 0')).not.toBe(known[0]);
    for (let n = 0; n < 1_001; n++) of('any', `session ${n}`);
    contexts.nextBatch();
    expect(of('target 8')).not.toBe(known[8]);
  });

  it.each(['forecast', 'für', '你好 🎉', '\ud800', ''])('has a text as it was: %j', (target) => {
    const contexts = new MessageContexts();
    expect(contexts.of(aTrafficRecord({ target, method: target })).context).toMatchObject({ target, method: target });
  });

  it('keeps no long texts', () => {
    const contexts = new MessageContexts();
    const record = aTrafficRecord({ target: 'x'.repeat(300) });
    const known = contexts.of(record);
    expect(known.context.target).toBe(record.target);
    expect(contexts.of(record)).not.toBe(known);
  });
});
