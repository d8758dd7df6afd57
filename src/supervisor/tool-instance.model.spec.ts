import fc from 'fast-check';
import { ObservedInstance } from '../../test/support/an-instance';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { type FakeBehaviour, FakeSpawner } from '../../test/support/fake-spawner';
import { useVirtualTime } from '../../test/support/virtual-time';
import { Semaphore } from '../common/semaphore';
import type { StartOutcome } from './tool-instance';

useVirtualTime();

type Command = 'start' | 'stop' | 'restart' | 'edit' | 'call' | 'ail' | 'mend' | 'condemn' | 'crash' | 'pause';

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
const wish = fc.constantFrom<Command>('start', 'stop', 'restart', 'edit');
const mishap = fc.constantFrom<Command>('call', 'ail', 'mend', 'condemn', 'crash', 'pause');
const behaviours = fc.array(fc.oneof({ weight: 3, arbitrary: behaviour }, { weight: 1, arbitrary: faulty }), {
  maxLength: 6,
});
const mixed = fc.oneof({ weight: 2, arbitrary: wish }, { weight: 1, arbitrary: mishap });

interface Story {
  behaviours: FakeBehaviour[];
  commands: Command[];
}

/** One tool through one story. What must hold at every change of its state is noted in `broken`. */
class Teller {
  readonly spawner: FakeSpawner;
  readonly instance: ObservedInstance;
  readonly broken: string[] = [];
  readonly outcomes: Promise<StartOutcome | boolean>[] = [];
  wished: 'running' | 'stopped' = 'stopped';
  private edits = 0;

  constructor(private readonly story: Story) {
    this.spawner = new FakeSpawner((index) => story.behaviours[index] ?? {});
    this.instance = new ObservedInstance(this.tool(), this.spawner, {
      starts: new Semaphore(1),
      onChange: (changed, before) => {
        const { phase, generation } = changed.lifecycle;
        const isDown = phase === 'stopped' || phase === 'failed' || phase === 'backoff';
        if (isDown && this.spawner.alive.length > 0) this.broken.push(`${phase} over a living member`);
        if (generation < before.generation) this.broken.push('an older generation came back');
        if (phase === 'running' && before.phase !== 'handshaking' && before.phase !== 'running') {
          this.broken.push(`${before.phase} became running`);
        }
      },
    });
  }

  async tell(): Promise<void> {
    for (const command of this.story.commands) await this.obey(command);
    await Promise.all(this.outcomes);
    await this.pause(); // a crash is heard of a moment after it
    await this.instance.reaches(this.wished);
  }

  /** The definition that the newest child was born from. */
  get bornFrom(): string | undefined {
    return this.spawner.last.launch.args.at(-1);
  }

  get edition(): string {
    return `edition-${this.edits}`;
  }

  private async obey(command: Command): Promise<void> {
    const { instance, spawner } = this;
    const { generation } = instance.lifecycle;
    switch (command) {
      case 'edit':
        this.edits++;
        instance.define(this.tool());
        this.outcomes.push(instance.restart());
        this.wished = 'running';
        return;
      case 'start':
      case 'restart':
      case 'stop':
        this.outcomes.push(instance[command]());
        this.wished = command === 'stop' ? 'stopped' : 'running';
        return;
      case 'call':
        // Never answered: what is in flight must hold nothing up for longer than it may.
        void instance.live?.peer
          ?.request({ method: 'tools/call', timeoutMs: 40, client: 'x', sessionId: null })
          .catch(() => undefined);
        return;
      case 'ail':
        instance.degrade(generation, 'unresponsive', 'It does not answer');
        return;
      case 'mend':
        instance.recover(generation, 'unresponsive');
        return;
      case 'condemn':
        instance.condemn(generation, 'unresponsive', 'It does not answer');
        return;
      case 'crash':
        spawner.alive.at(-1)?.exit(1);
        return;
      case 'pause':
        await this.pause();
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 3));
  }

  private tool() {
    return aSupervisedTool({ maxRetries: 100, startTimeoutMs: 250, args: [this.edition] });
  }
}

/** Stories side by side: each is mostly waiting. */
async function check(stories: Story[]): Promise<void> {
  await Promise.all(
    stories.map(async (story) => {
      const teller = new Teller(story);
      await teller.tell();
      const { spawner, instance, broken, wished } = teller;
      const told = JSON.stringify(story);
      expect([told, broken, spawner.mostAlive <= 1]).toEqual([told, [], true]);
      expect([told, spawner.alive.length]).toEqual([told, wished === 'running' ? 1 : 0]);
      if (wished === 'running') expect([told, teller.bornFrom]).toEqual([told, teller.edition]);
      expect([told, await instance.stop(), spawner.alive.length]).toEqual([told, true, 0]);
      expect([told, broken]).toEqual([told, []]);
    }),
  );
}

describe('a tool under commands that overtake each other', () => {
  it('F26, F27: answers every command, never has two processes, rests over none, and ends as it was last wished', async () => {
    const commands = fc.array(mixed, { minLength: 1, maxLength: 25 });
    await check(fc.sample(fc.record({ behaviours, commands }), 500));
  });

  it('F26: does so under fifty commands at once, too', async () => {
    const commands = fc.array(wish, { minLength: 50, maxLength: 50 });
    await check(fc.sample(fc.record({ behaviours, commands }), 100));
  });
});
