import type { Principal } from '../auth/principal';
import { RecentRevocations } from './recent-revocations';

const aPrincipal = (given: Partial<Principal>): Principal => ({
  ...{ type: 'user', id: 'u-1', name: 'anna', role: 'viewer', sessionId: 's-1' },
  ...{ mustChangePassword: false, toolIds: null, expiresAt: null },
  ...given,
});

describe('A15: a revocation between the check of a credential and the opening of its stream', () => {
  let now = 1_000;
  const recent = new RecentRevocations(() => now);

  it('is seen by who came before it, and by nobody who came later', () => {
    recent.note({ type: 'session', id: 's-1' });
    expect(recent.has(aPrincipal({}), 990)).toBe(true);
    expect(recent.has(aPrincipal({}), 1_001)).toBe(false);
    expect(recent.has(aPrincipal({ sessionId: 's-2' }), 990)).toBe(false);
    now = 2_000;
    recent.note({ type: 'apiKey', id: 'k-1' });
    expect(recent.has(aPrincipal({ type: 'apiKey', id: 'k-1', sessionId: null }), 1_500)).toBe(true);
    expect(recent.has(aPrincipal({ type: 'user', id: 'k-1' }), 1_500)).toBe(false);
  });

  it('is forgotten after a minute', () => {
    now = 70_000;
    recent.note({ type: 'user', id: 'u-9' });
    expect(recent.has(aPrincipal({}), 0)).toBe(false);
    expect(recent.has(aPrincipal({ id: 'u-9' }), 0)).toBe(true);
  });
});
