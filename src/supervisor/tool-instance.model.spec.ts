import fc from 'fast-check';
import { ObservedInstance, QUICK_TIMES } from '../../test/support/an-instance';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { type FakeBehaviour, FakeSpawner } from '../../test/support/fake-spawner';
import { Semaphore } from '../common/semaphore';
import type { StartOutcome } from './tool-instance';

type Command = 'start' | 'stop' | 'restart' | 'crash' | 'pause';

const behaviour = fc.record<FakeBehaviour>({
  ignoresEof: fc.boolean(),
  ignoresTerm: fc.boolean(),
  leavesMember: fc.boolean(),
  exitsOnDiscover: fc.boolean(),
});
const faulty = fc.constantFrom<FakeBehaviour>(
  { exitAtOnce: 1 },
  { answers: false },
  { refuses: { code: -1, message: 'no' } },
);
const command = fc.constantFrom<Command>('start', 'stop', 'restart', 'start', 'stop', 'restart', 'crash', 'pause');
const story = fc.record({
  behaviours: fc.array(fc.oneof({ weight: 3, arbitrary: behaviour }, { weight: 1, arbitrary: faulty }), {
    maxLength: 6,
  }),
  commands: fc.array(command, { minLength: 1, maxLength: 25 }),
});

/** With all stories side by side an end may be seen late; none of them is about the unkillable. */
const TIMES = { ...QUICK_TIMES, ladder: { ...QUICK_TIMES.ladder, killMs: 5_000 } };

/** Many stories side by side: each is mostly waiting. */
const STORIES = 150;

describe('a tool under commands that overtake each other', () => {
  it('F26: answers every command, never has two processes, and ends as the last command wished', async () => {
    const stories = fc.sample(story, STORIES);
    await Promise.all(
      stories.map(async ({ behaviours, commands }) => {
        const told = JSON.stringify({ behaviours, commands });
        const spawner = new FakeSpawner((index) => behaviours[index] ?? {});
        const given = { maxRetries: 50, startTimeoutMs: 250 };
        const surroundings = { starts: new Semaphore(1), times: TIMES };
        const instance = new ObservedInstance(aSupervisedTool(given), spawner, surroundings);
        const outcomes: Promise<StartOutcome | boolean>[] = [];
        let wished = 'stopped';
        for (const one of commands) {
          if (one === 'crash') spawner.alive.at(-1)?.exit(1);
          else if (one === 'pause') await new Promise((resolve) => setTimeout(resolve, 3));
          else outcomes.push(instance[one]());
          if (one === 'stop') wished = 'stopped';
          else if (one === 'start' || one === 'restart') wished = 'running';
        }
        const last = outcomes.at(-1);
        await Promise.all(outcomes);
        await instance.reaches(wished === 'running' ? 'running' : 'stopped');
        expect([told, spawner.mostAlive <= 1]).toEqual([told, true]);
        expect([told, spawner.alive.length]).toEqual([told, wished === 'running' ? 1 : 0]);
        if (wished === 'stopped' && last) expect([told, await last]).toEqual([told, true]);
        expect([told, await instance.stop(), spawner.alive.length]).toEqual([told, true, 0]);
      }),
    );
  });
});
