import { scratchFolder } from './support/built-program';
import { killUnderLoad } from './support/killed-program';

describe('kill -9 of the whole program under load', () => {
  const folder = scratchFolder();
  afterAll(() => folder.remove());

  it('F57: leaves everything that an answer has shown, as it was shown, and an unbroken operation log', async () => {
    const { kills, shown, verdict, messages, ...faults } = await killUnderLoad(folder.path, {}, 3);
    expect(kills).toBe(3);
    expect(shown.mcp).toBeGreaterThan(10);
    expect(faults).toEqual({ missing: [], changed: [], twice: [], unaudited: 0 });
    expect(verdict).toMatchObject({ valid: true, firstBroken: null });
    expect(messages.counted).toBe(messages.stored);
  }, 120_000);
});
