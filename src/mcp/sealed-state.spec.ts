import { StateSeal } from './sealed-state';

const BINDING = {
  principal: 'tool apiKey 1',
  method: 'tools/call',
  params: { name: 'a', arguments: { x: [1, { y: 2, z: 3 }] } },
};

describe('a sealed state', () => {
  let now = 1000;
  const seal = new StateSeal(() => now);
  const state = { call: 'c', round: 1, expiresAt: 2000 };

  beforeEach(() => {
    now = 1000;
  });

  it('opens for the same principal that asks the same, however the members are ordered and whatever the round brings', () => {
    const text = seal.seal(state, BINDING);
    const params = {
      ...{ _meta: { other: true }, inputResponses: { k: {} }, requestState: text },
      ...{ arguments: { x: [1, { z: 3, y: 2 }] }, name: 'a' },
    };
    expect(seal.open(text, { ...BINDING, params })).toEqual(state);
    expect(text).not.toContain('"call"');
  });

  it.each([
    ['another principal', { ...BINDING, principal: 'tool apiKey 2' }],
    ['another method', { ...BINDING, method: 'prompts/get' }],
    ['other arguments', { ...BINDING, params: { name: 'a', arguments: { x: [1, { y: 2, z: 4 }] } } }],
    ['another order of a list', { ...BINDING, params: { name: 'a', arguments: { x: [{ y: 2, z: 3 }, 1] } } }],
  ])('does not open for %s', (_what, binding) => {
    expect(seal.open(seal.seal(state, BINDING), binding)).toBeNull();
  });

  it('does not open when it is too old, changed anywhere, or of another process', () => {
    const text = seal.seal(state, BINDING);
    const bytes = Buffer.from(text, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(seal.open(changed.toString('base64url'), BINDING)).toBeNull();
    }
    for (const nonsense of ['', 'x', '!!!', 'A'.repeat(200), text.slice(0, 30)])
      expect(seal.open(nonsense, BINDING)).toBeNull();
    expect(new StateSeal(() => now).open(text, BINDING)).toBeNull();
    now = 2000;
    expect(seal.open(text, BINDING)).toBeNull();
  });

  it('is another text each time', () => {
    expect(seal.seal(state, BINDING)).not.toBe(seal.seal(state, BINDING));
  });
});
