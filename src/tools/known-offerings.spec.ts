import type { SupervisorService } from '../supervisor/supervisor.service';
import type { ToolSession } from '../supervisor/tool-session';
import { KnownOfferings, type OfferedList } from './known-offerings';
import type { KeptOffering, OfferingService } from './offering.service';

type Ready = (toolId: string, session: ToolSession) => void;

const offering = (...tools: string[]): KeptOffering => ({
  ...{ protocolVersion: '2025-11-25', serverInfo: null, instructions: null, capabilities: {} },
  ...{ tools: tools.map((name) => ({ name })), resources: [], resourceTemplates: [], prompts: [] },
});

/** Sessions whose lists are answered by hand. */
class World {
  readonly asked: ((answer: KeptOffering | Error) => void)[] = [];
  readonly told: [string, OfferedList[]][] = [];
  stored: KeptOffering | null = null;
  readonly known: KnownOfferings;
  private ready: Ready = () => undefined;
  private says: (method: string) => void = () => undefined;

  constructor() {
    const offerings = {
      find: () => Promise.resolve(this.stored),
      ask: () =>
        new Promise((resolve, reject) => {
          this.asked.push((answer) => {
            if (answer instanceof Error) reject(answer);
            else resolve({ ...answer, live: true, at: 'now' });
          });
        }),
    };
    const supervisor = { onReady: (listener: Ready) => (this.ready = listener) };
    this.known = new KnownOfferings(
      offerings as unknown as OfferingService,
      supervisor as unknown as SupervisorService,
    );
    this.known.onModuleInit();
    this.known.onChange((toolId, lists) => this.told.push([toolId, [...lists]]));
  }

  start(): ToolSession {
    const peer = { onNotification: (listener: (method: string) => void) => (this.says = listener) };
    const identity = { era: 'legacy', capabilities: {} };
    const session = { peer, identity, tool: { name: 't' }, signal: new AbortController().signal };
    this.ready('t', session as unknown as ToolSession);
    return session as unknown as ToolSession;
  }

  say(method: string): void {
    this.says(method);
  }

  async answer(index: number, answer: KeptOffering | Error): Promise<void> {
    while (this.asked.length <= index) await Promise.resolve();
    this.asked[index]?.(answer);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

describe('KnownOfferings', () => {
  afterEach(() => jest.useRealTimers());

  it('reads a tool once a start and answers from memory', async () => {
    const world = new World();
    const session = world.start();
    const first = world.known.of('t', session, 1000);
    await world.answer(0, offering('a'));
    await expect(first).resolves.toEqual({ offering: offering('a'), isCurrent: true });
    await expect(world.known.of('t', session, 0)).resolves.toMatchObject({ isCurrent: true });
    expect(world.asked).toHaveLength(1);
    expect(world.told).toEqual([['t', ['tools']]]);
  });

  it('gives what was stored of one that does not run, and null of one that was never seen', async () => {
    const world = new World();
    await expect(world.known.of('t', null, 0)).resolves.toBeNull();
    world.stored = offering('old');
    await expect(world.known.of('t', null, 0)).resolves.toEqual({ offering: offering('old'), isCurrent: false });
  });

  it('waits for a slow tool no longer than it is told to, and gives what it offered before', async () => {
    const world = new World();
    world.stored = offering('old');
    const session = world.start();
    await expect(world.known.of('t', session, 5)).resolves.toEqual({ offering: offering('old'), isCurrent: false });
    await world.answer(0, offering('new'));
    await expect(world.known.of('t', session, 0)).resolves.toEqual({ offering: offering('new'), isCurrent: true });
  });

  it('does not ask again at once where a tool could not be read', async () => {
    const world = new World();
    const session = world.start();
    await world.answer(0, new Error('broken'));
    await expect(world.known.of('t', session, 60_000)).resolves.toBeNull();
    expect(world.asked).toHaveLength(1);
  });

  it('reads again when a list has changed, and tells which one did', async () => {
    jest.useFakeTimers();
    const world = new World();
    const session = world.start();
    await world.answer(0, offering('a'));
    world.say('notifications/tools/list_changed');
    world.say('notifications/message');
    await jest.advanceTimersByTimeAsync(1000);
    await world.answer(1, { ...offering('a'), prompts: [{ name: 'p' }] });
    expect(world.told).toEqual([
      ['t', ['tools']],
      ['t', ['prompts']],
    ]);
    await expect(world.known.of('t', session, 0)).resolves.toMatchObject({ offering: { prompts: [{ name: 'p' }] } });
  });

  it('asks a server that says so all the time no more than twice a second, and misses no change', async () => {
    jest.useFakeTimers();
    const world = new World();
    world.start();
    for (let n = 0; n < 50; n++) world.say('notifications/tools/list_changed');
    await world.answer(0, offering('a'));
    for (let n = 0; n < 50; n++) world.say('notifications/tools/list_changed');
    expect(world.asked).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(600);
    expect(world.asked).toHaveLength(2);
    world.say('notifications/tools/list_changed');
    await world.answer(1, offering('b'));
    await jest.advanceTimersByTimeAsync(600);
    expect(world.asked).toHaveLength(3);
  });

  it('forgets tools that are no more', async () => {
    const world = new World();
    world.stored = offering('a');
    await world.known.of('t', null, 0);
    world.stored = null;
    world.known.retain([{ id: 't' }, { id: 'u' }]);
    await expect(world.known.of('t', null, 0)).resolves.toMatchObject({ offering: offering('a') });
    world.known.retain([]);
    await expect(world.known.of('t', null, 0)).resolves.toBeNull();
  });

  it('tells nobody of a start after which all is as before, and takes no late answer of an earlier one', async () => {
    const world = new World();
    world.start();
    await world.answer(0, offering('a'));
    world.start();
    const current = world.start();
    await world.answer(1, offering('late'));
    await world.answer(2, offering('a'));
    await expect(world.known.of('t', current, 0)).resolves.toMatchObject({ offering: offering('a'), isCurrent: true });
    expect(world.told).toHaveLength(1);
  });
});
