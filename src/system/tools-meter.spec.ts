import { FakeClock } from '../../test/support/fake-clock';
import { Maintenance } from '../availability/maintenance';
import { Events } from '../events/events';
import type { SupervisorService } from '../supervisor/supervisor.service';
import { STOPPED_SNAPSHOT } from '../supervisor/tool-snapshot';
import type { ToolDirectory } from '../tools/tool-directory';
import { ToolsMeter } from './tools-meter';

/** A registry of names whose answers the test gives. */
function aWorld() {
  const clock = new FakeClock();
  const events = new Events();
  const maintenance = new Maintenance();
  const questions: { answer: (names: string[]) => void; fail: () => void }[] = [];
  const names = () =>
    new Promise<Map<string, string>>((resolve, reject) => {
      questions.push({
        answer: (all) => resolve(new Map(all.map((name) => [name, name]))),
        fail: () => reject(new Error('The database is away')),
      });
    });
  const supervisor = { snapshot: () => STOPPED_SNAPSHOT } as unknown as SupervisorService;
  const meter = new ToolsMeter({ names } as unknown as ToolDirectory, supervisor, clock, events, maintenance);
  const ask = async (all: string[]) => {
    const done = meter.refresh();
    questions.at(-1)?.answer(all);
    return done;
  };
  return { clock, events, maintenance, questions, meter, ask };
}

describe('which tools are measured', () => {
  it('is asked of the database once, and again after a minute', async () => {
    const { clock, questions, meter, ask } = aWorld();
    await ask(['a']);
    clock.advance(59_000);
    expect([await meter.refresh(), questions.length, [...meter.names.keys()]]).toEqual([true, 1, ['a']]);
    clock.advance(1_000);
    await ask(['a', 'b']);
    expect([...meter.names.keys()]).toEqual(['a', 'b']);
  });

  it('is asked again when a tool was registered, changed or removed, and after a restore', async () => {
    const { events, maintenance, questions, meter, ask } = aWorld();
    await ask([]);
    events.tell('tool.defined', { toolId: 'a' });
    await ask(['a']);
    expect(meter.read().tools.total).toBe(1);
    events.tell('tool.removed', { toolId: 'a', toolName: 'a' });
    await ask([]);
    expect(meter.read().tools.total).toBe(0);
    maintenance.enter('a restore', 1);
    maintenance.leave();
    await ask(['z']);
    expect([questions.length, [...meter.names.keys()]]).toEqual([4, ['z']]);
  });

  it('waits for a question that is on its way, and never goes back to the answer of an older one', async () => {
    const { events, questions, meter } = aWorld();
    const first = meter.refresh();
    const joined = meter.refresh();
    expect(questions).toHaveLength(1);
    events.tell('tool.defined', { toolId: 'b' });
    const second = meter.refresh();
    questions[1]?.answer(['a', 'b']);
    await second;
    questions[0]?.answer(['a']);
    await Promise.all([first, joined]);
    expect([...meter.names.keys()]).toEqual(['a', 'b']);
  });

  it('stays as it was while the database is away, and is asked anew at once', async () => {
    const { events, questions, meter, ask } = aWorld();
    await ask(['a']);
    events.tell('tool.defined', { toolId: 'b' });
    const failed = meter.refresh();
    questions[1]?.fail();
    expect([await failed, [...meter.names.keys()]]).toEqual([false, ['a']]);
    expect(await ask(['a', 'b'])).toBe(true);
    expect([...meter.names.keys()]).toEqual(['a', 'b']);
  });
});
