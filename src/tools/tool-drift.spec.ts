import fc from 'fast-check';
import type { Phase } from '../supervisor/tool-lifecycle';
import { repairFor, type Wish } from './tool-drift';
import { DESIRED_STATES } from './tool-definition.types';

const PHASES: Phase[] = ['stopped', 'starting', 'handshaking', 'running', 'stopping', 'backoff', 'failed'];
const wish = (given: Partial<Wish> = {}): Wish => ({ id: 't', enabled: true, desired: 'running', ...given });
const life = (phase: Phase, settled = false) => ({ toolId: 't', phase, settled });

describe('what is done about a tool that is not as wished', () => {
  it('is a start when it is to run and rests for no reason', () => {
    expect(repairFor(wish(), null)).toBe('start');
    expect(repairFor(wish(), life('stopped'))).toBe('start');
  });

  it('is nothing when it has ended as its policy wants, has failed, or is on its way', () => {
    expect(repairFor(wish(), life('stopped', true))).toBeNull();
    for (const phase of PHASES.filter((one) => one !== 'stopped')) expect(repairFor(wish(), life(phase))).toBeNull();
  });

  it('is nothing for a tool that runs only on demand', () => {
    for (const phase of PHASES) expect(repairFor(wish({ desired: 'on-demand' }), life(phase))).toBeNull();
  });

  it('is a stop when it is alive but is stopped or disabled', () => {
    for (const given of [wish({ desired: 'stopped' }), wish({ enabled: false })]) {
      for (const phase of PHASES) {
        const isAlive = ['starting', 'handshaking', 'running', 'backoff'].includes(phase);
        expect([phase, repairFor(given, life(phase))]).toEqual([phase, isAlive ? 'stop' : null]);
      }
    }
  });

  it('is to forget it when it is no more', () => {
    for (const phase of PHASES) expect(repairFor(null, life(phase))).toBe('forget');
    expect(repairFor(null, null)).toBeNull();
  });

  it('never starts what is disabled, and never stops what is to run', () => {
    const wishes = fc.record({ enabled: fc.boolean(), desired: fc.constantFrom(...DESIRED_STATES) });
    fc.assert(
      fc.property(wishes, fc.constantFrom(...PHASES), fc.boolean(), (given, phase, settled) => {
        const repair = repairFor(wish(given), life(phase, settled));
        if (repair === 'start') expect(given).toEqual({ enabled: true, desired: 'running' });
        if (repair === 'stop') expect(given.enabled && given.desired !== 'stopped').toBe(false);
      }),
    );
  });
});
