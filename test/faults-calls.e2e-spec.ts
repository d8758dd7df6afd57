import { faultTests } from './support/invariants';
import { waitUntil } from './support/process-tree';
import type { ToolUnderTest } from './support/tool-under-test';

describe('a tool that fails in its calls', () => {
  const faults = faultTests();

  const running = async (name: string, flags: string[], given: Record<string, unknown> = {}) => {
    const tool = await faults.tool({ name, flags, ...given });
    const { body } = await tool.start();
    expect(body.state).toBe('running');
    return tool;
  };
  const adds = async (tool: ToolUnderTest) => expect(await tool.textOf('add', { a: 40, b: 2 })).toBe('42');
  const logged = async (query: string): Promise<any[]> =>
    (await faults.send('GET', `/logs/mcp?limit=500&${query}`)).body.items;

  it('F18: a call without an answer ends after its time, and the server is told to forget it', async () => {
    const tool = await running('mute', ['--in-call', 'mute']);
    const began = performance.now();
    const { status, body } = await tool.call('echo', { text: 'x' }, 400);
    expect({ status, code: body.code }).toEqual({ status: 504, code: 'tool_timeout' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(400);
    const [cancelled] = await logged('tool=mute&method=notifications/cancelled');
    const [request] = await logged('tool=mute&target=echo&direction=to-server&kind=request');
    expect(cancelled).toMatchObject({ direction: 'to-server' });
    expect(cancelled.payload.params.requestId).toBe(request.payload.id);
    await adds(tool);
    expect(await tool.atRest()).toMatchObject({ state: 'running', restarts: 0 });
  });

  it('F18: an answer that comes late is recorded and reaches nobody', async () => {
    const tool = await running('late', ['--in-call', 'late:900']);
    const [late, other] = await Promise.all([
      tool.call('echo', { text: 'too late' }, 300),
      tool.call('echo', { text: 'in time' }, 10_000),
    ]);
    expect(late.status).toBe(504);
    expect(other.body.result.content[0].text).toBe('Echo: in time');
    const rows = await waitUntil(
      async () => {
        const found = await logged('tool=late&target=echo&direction=from-server&kind=response');
        return found.length === 2 && found;
      },
      { what: 'both answers are recorded' },
    );
    expect(JSON.stringify(rows)).toContain('Echo: too late');
    await adds(tool);
    expect((await tool.status()).counters.late).toBe(1);
  });

  it('F19: of two answers the first one counts', async () => {
    const tool = await running('twice', ['--in-call', 'twice']);
    for (const text of ['a', 'b', 'c']) expect(await tool.textOf('echo', { text })).toBe(`Echo: ${text}`);
    await adds(tool);
    expect((await tool.status()).counters.late).toBe(3);
  });

  it('F19: answers to nobody reach nobody, also when many calls of several clients are under way', async () => {
    const tool = await running('alien', ['--in-call', 'alien-ids']);
    const texts = Array.from({ length: 40 }, (_, index) => `call ${index}`);
    expect(await Promise.all(texts.map((text) => tool.textOf('echo', { text })))).toEqual(
      texts.map((text) => `Echo: ${text}`),
    );
    const { counters, ...status } = await tool.atRest();
    expect(status).toMatchObject({ state: 'running', restarts: 0 });
    expect(counters.unknown).toBeGreaterThan(0);
  });

  it('F20: what a server that reads nothing cannot take is refused at once, and no other tool notices', async () => {
    const other = await running('reading', []);
    const tool = await running('deaf', ['--after-init', 'no-read']);
    const text = 'x'.repeat(100_000);
    const before = process.memoryUsage().rss;
    // 10,000 calls would only be more of the same: the queue takes 1,000 of them, or 16 MiB.
    const answers = await Promise.all(Array.from({ length: 300 }, () => tool.call('echo', { text }, 2_000)));
    const codes = new Set(answers.map(({ status, body }) => `${status} ${body.code} ${body.reason ?? ''}`.trim()));
    expect([...codes].sort()).toEqual(['502 tool_connection_lost stdin_stuck', '504 tool_timeout']);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
    await adds(other);
  });

  it('F21: one that closes its standard input is taken down and started anew, with its reason', async () => {
    const tool = await running('no-stdin', ['--in-call', 'close-stdin,mute']);
    const { pid } = await tool.status();
    const calls = await Promise.all([tool.call('echo', { text: 'x' }, 5_000), tool.call('echo', { text: 'y' }, 5_000)]);
    for (const { status } of calls) expect([502, 504]).toContain(status);
    // The break shows at the next message, if not before.
    await tool.call('add', { a: 1, b: 1 }, 1_000);
    const again = await tool.until('runs again', (status) => status.state === 'running' && status.pid !== pid);
    expect(again.restarts).toBe(1);
    await adds(tool);
  });

  it('F21: one that closes its standard output only is taken down and started anew, with its reason', async () => {
    const tool = await running('no-stdout', ['--in-call', 'close-stdout,mute']);
    const { pid } = await tool.status();
    const { status, body } = await tool.call('echo', { text: 'x' }, 10_000);
    expect({ status, code: body.code, reason: body.reason }).toEqual({
      status: 502,
      code: 'tool_connection_lost',
      reason: 'stdout_closed',
    });
    const down = await faults.seen(tool, 'has its reason', (now) => now.lastError !== null && now.state !== 'running');
    expect(down.lastError).toMatchObject({ code: 'connection_lost', hint: expect.any(String) });
    await tool.until('runs again', (now) => now.state === 'running' && now.pid !== pid);
    await adds(tool);
  });
});
