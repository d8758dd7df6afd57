import { NoiseLimit } from './noise-limit';

describe('the limit of noise that is logged', () => {
  it('F14: lets twenty lines a minute pass', () => {
    let now = 0;
    const limit = new NoiseLimit(() => now);
    const passed = () => Array.from({ length: 50 }, () => limit.lets()).filter(Boolean).length;
    expect(passed()).toBe(20);
    now = 59_999;
    expect(passed()).toBe(0);
    now = 60_000;
    expect(passed()).toBe(20);
  });
});
