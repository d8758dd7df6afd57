import { FakeClock } from '../../test/support/fake-clock';
import { FixedWindow } from './fixed-window';

function aWindow(options: Partial<{ limit: number; windowMs: number; maxKeys: number }> = {}) {
  const clock = new FakeClock();
  return { clock, window: new FixedWindow(clock, { limit: 3, windowMs: 60_000, maxKeys: 4, ...options }) };
}

describe('the limit of requests in a window', () => {
  it('lets so many through, then none, and says what is left and until when', () => {
    const { clock, window } = aWindow();
    expect(window.take('anna')).toEqual({ allowed: true, limit: 3, remaining: 2, resetSeconds: 60 });
    clock.advance(10_500);
    expect(window.take('anna')).toEqual({ allowed: true, limit: 3, remaining: 1, resetSeconds: 50 });
    expect(window.take('anna').allowed).toBe(true);
    expect(window.take('anna')).toEqual({ allowed: false, limit: 3, remaining: 0, resetSeconds: 50 });
  });

  it('begins anew when the window is over, however often was asked in vain', () => {
    const { clock, window } = aWindow();
    for (let n = 0; n < 10; n++) window.take('anna');
    clock.advance(59_999);
    expect(window.take('anna')).toMatchObject({ allowed: false, resetSeconds: 1 });
    clock.advance(1);
    expect(window.take('anna')).toMatchObject({ allowed: true, remaining: 2 });
  });

  it('lets no key use up what belongs to another', () => {
    const { window } = aWindow();
    for (let n = 0; n < 10; n++) window.take('anna');
    expect(window.take('bert').allowed).toBe(true);
  });

  it('remembers a bounded number of keys, and those alone whose window lasts', () => {
    const { clock, window } = aWindow();
    for (let n = 0; n < 1000; n++) window.take(`key ${n}`);
    expect(window.size).toBe(4);
    clock.advance(60_000);
    window.take('one more');
    expect(window.size).toBe(1);
  });
});
