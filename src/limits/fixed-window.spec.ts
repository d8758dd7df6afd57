import { FakeClock } from '../../test/support/fake-clock';
import { FixedWindow } from './fixed-window';

const LIMIT = 3;

function aWindow() {
  const clock = new FakeClock();
  return { clock, window: new FixedWindow(clock, { windowMs: 60_000, maxKeys: 4 }) };
}

describe('the limit of requests in a window', () => {
  it('lets so many through, then none, and says what is left and until when', () => {
    const { clock, window } = aWindow();
    expect(window.take('anna', LIMIT)).toEqual({ allowed: true, limit: 3, remaining: 2, resetSeconds: 60 });
    clock.advance(10_500);
    expect(window.take('anna', LIMIT)).toEqual({ allowed: true, limit: 3, remaining: 1, resetSeconds: 50 });
    expect(window.take('anna', LIMIT).allowed).toBe(true);
    expect(window.take('anna', LIMIT)).toEqual({ allowed: false, limit: 3, remaining: 0, resetSeconds: 50 });
  });

  it('says 60 seconds of a window that begins, whatever fraction the clock stands at', () => {
    const { clock, window } = aWindow();
    clock.advance(50_813.99031271907);
    expect(window.take('anna', LIMIT).resetSeconds).toBe(60);
  });

  it('begins anew when the window is over, however often was asked in vain', () => {
    const { clock, window } = aWindow();
    for (let n = 0; n < 10; n++) window.take('anna', LIMIT);
    clock.advance(59_999);
    expect(window.take('anna', LIMIT)).toMatchObject({ allowed: false, resetSeconds: 1 });
    clock.advance(1);
    expect(window.take('anna', LIMIT)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it('counts on what was taken when the limit becomes another one', () => {
    const { clock, window } = aWindow();
    for (let n = 0; n < 3; n++) window.take('anna', LIMIT);
    expect(window.take('anna', 5)).toMatchObject({ allowed: true, limit: 5, remaining: 1 });
    expect(window.take('anna', 2)).toMatchObject({ allowed: false, limit: 2, remaining: 0 });
    expect(window.take('anna', 5)).toMatchObject({ allowed: true, remaining: 0 });
    clock.advance(60_000);
    expect(window.take('anna', 2)).toMatchObject({ allowed: true, remaining: 1 });
  });

  it('lets no key use up what belongs to another', () => {
    const { window } = aWindow();
    for (let n = 0; n < 10; n++) window.take('anna', LIMIT);
    expect(window.take('bert', LIMIT).allowed).toBe(true);
  });

  it('remembers a bounded number of keys, and those alone whose window lasts', () => {
    const { clock, window } = aWindow();
    for (let n = 0; n < 1000; n++) window.take(`key ${n}`, LIMIT);
    expect(window.size).toBe(4);
    clock.advance(60_000);
    window.take('one more', LIMIT);
    expect(window.size).toBe(1);
  });
});
