import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultTests } from './support/invariants';
import { waitUntil } from './support/process-tree';
import type { ToolUnderTest } from './support/tool-under-test';

const MIB = 1024 * 1024;

describe('what a tool may write', () => {
  const faults = faultTests();
  const scratch = mkdtempSync(join(tmpdir(), 'mcps-faults-streams-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const running = async (name: string, flags: string[], given: Record<string, unknown> = {}) => {
    const tool = await faults.tool({ name, flags, ...given });
    const { body } = await tool.start();
    expect(body.state).toBe('running');
    return tool;
  };
  const adds = async (tool: ToolUnderTest) => expect(await tool.textOf('add', { a: 40, b: 2 })).toBe('42');

  it('F12: a flood of stderr is read slowly, cut and counted, while all tools go on', async () => {
    const other = await running('other', []);
    const flooding = await running('flooding', ['--after-init', 'stderr-flood']);
    await flooding.until('has its flood counted', ({ counters }) => counters.stderrDropped > 0);
    expect((await flooding.stderr()).length).toBeLessThanOrEqual(1_000);
    await adds(flooding);
    await adds(other);
    expect(await flooding.status()).toMatchObject({ state: 'running', restarts: 0 });
  });

  it('F12: a line of stderr without an end is cut', async () => {
    const tool = await running('long-line', ['--after-init', `stderr-line:${4 * MIB}`]);
    await waitUntil(async () => (await tool.stderr()).length > 0, { what: 'what is left of it' });
    for (const line of await tool.stderr()) expect(line.length).toBeLessThanOrEqual(8_192);
    await adds(tool);
  });

  it('F13: a flood of notifications is read at the pace of MCPS.ONE, which goes on with everything else', async () => {
    const other = await running('calm', []);
    const flooding = await running('notifying', ['--after-init', 'notify-flood'], { recordPayloads: false });
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    for (let n = 0; n < 20; n++) await adds(other);
    await adds(flooding);
    delays.disable();
    // Generous: the machine may be busy. The slow suite measures it.
    expect(delays.percentile(50) / 1e6).toBeLessThan(1_000);
    expect(await flooding.status()).toMatchObject({ state: 'running', restarts: 0 });
    expect((await flooding.stop()).body.state).toBe('stopped');
  });

  it('F14: noise between the messages is tolerated: a byte order mark, colours, line ends of Windows, blank lines, JSON that is no message', async () => {
    const noise = join(scratch, 'noise');
    const lines = [
      '\uFEFFServer v1.0 ready',
      '\u001b[32minfo\u001b[0m listening',
      '',
      '   ',
      '{"level":"info","msg":"a log line in JSON"}',
      '{"jsonrpc":"2.0"',
      '[]',
      'null',
      '{}',
      '"text"',
      '\u0000\u0007',
    ];
    writeFileSync(noise, `${lines.join('\r\n')}\r\n`);
    const tool = await running('noisy', ['--at-start', `noise:${noise}`, '--after-init', `noise:${noise}`, '--noise']);
    await adds(tool);
    expect(await tool.textOf('echo', { text: 'through the noise' })).toBe('Echo: through the noise');
    const { counters, ...status } = await tool.atRest();
    expect(status).toMatchObject({ state: 'running', restarts: 0 });
    expect(counters.noise).toBeGreaterThan(10);
  });

  it('F15: bytes that are no UTF-8 are replaced, and the answer arrives', async () => {
    const tool = await running('bad-utf8', ['--in-call', 'bad-utf8', '--after-init', 'bytes:fffe00c3280a']);
    expect(await tool.textOf('echo', { text: 'x' })).toBe('before \uFFFD\uFFFD( after');
    await adds(tool);
  });

  it('F15: a character split over chunks stays whole', async () => {
    const tool = await running('split-utf8', ['--in-call', 'split-utf8']);
    expect(await tool.textOf('echo', { text: 'x' })).toBe('grüezi 𝄞');
  });

  it('F16: a line of 64 MiB fails the one call that it answers, soon, and the next is answered', async () => {
    const tool = await running('huge-line', ['--in-call', 'huge:64']);
    const before = process.memoryUsage().rss;
    const { status, body } = await tool.call('echo', { text: 'x' });
    expect({ status, code: body.code }).toEqual({ status: 502, code: 'message_too_big' });
    expect(process.memoryUsage().rss - before).toBeLessThan(160 * MIB);
    await adds(tool);
    expect(await tool.status()).toMatchObject({ state: 'running', restarts: 0, counters: { oversized: 1 } });
  });

  it('F16: a line without an end ends with its call, and a restart makes the tool good again', async () => {
    const tool = await running('endless-line', ['--in-call', 'endless']);
    const before = process.memoryUsage().rss;
    const { status, body } = await tool.call('echo', { text: 'x' }, 1_500);
    expect({ status, code: body.code }).toEqual({ status: 504, code: 'tool_timeout' });
    expect(process.memoryUsage().rss - before).toBeLessThan(160 * MIB);
    const restarted = await tool.restart();
    expect(restarted.body.state).toBe('running');
    await adds(tool);
  });

  it('F17: an answer that nests 100,000 deep is dropped, its call times out, and the stack stays whole', async () => {
    const tool = await running('deep', ['--in-call', 'deep:100000']);
    const { status, body } = await tool.call('echo', { text: 'x' }, 500);
    expect({ status, code: body.code }).toEqual({ status: 504, code: 'tool_timeout' });
    await adds(tool);
  });

  it('F17: members called __proto__ and constructor pass through and change nothing of ours', async () => {
    const tool = await running('proto', ['--in-call', 'proto']);
    const { status, body } = await tool.call('echo', { text: 'x' });
    expect(status).toBe(200);
    expect(Object.getOwnPropertyNames(body.result)).toEqual(expect.arrayContaining(['content', 'constructor']));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect((await faults.send('GET', `/logs/mcp?tool=proto&target=echo`)).status).toBe(200);
  });
});
