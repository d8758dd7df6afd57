import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childrenIn, mostAtOnce } from './fault-diary';
import { groupMembers, waitUntil } from './process-tree';
import { removeTemporaryFolders, temporaryFolder } from './temporary-folder';

const PROGRAM = join(__dirname, 'faulty-mcp-server.mjs');

describe('the faulty server', () => {
  const started: { child: ChildProcessWithoutNullStreams; others: () => number[] }[] = [];

  /** With an initialize and a call of `echo` sent; gives what it writes. */
  function start(flags: string[], { initialize = true } = {}) {
    const diary = join(temporaryFolder(), 'diary');
    writeFileSync(diary, '');
    const child = spawn(process.execPath, [PROGRAM, '--diary', diary, ...flags], { detached: true });
    child.stdin.on('error', () => undefined);
    let [text, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    const call = (id: number, name: string, args: object) =>
      send({ id, method: 'tools/call', params: { name, arguments: args } });
    if (initialize) send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18' } });
    started.push({ child, others: () => childrenIn(readFileSync(diary, 'utf8')) });
    return {
      child,
      pid: child.pid ?? -1,
      errors: () => errors,
      echo: () => call(2, 'echo', { text: 'x' }),
      add: () => call(3, 'add', { a: 1, b: 2 }),
      diary: () => readFileSync(diary, 'utf8'),
      ended: async () => {
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
        return child.exitCode ?? child.signalCode;
      },
      says: (what: string | RegExp) =>
        waitUntil(() => (typeof what === 'string' ? text.includes(what) : what.test(text)) && text, {
          what: `it says ${what.toString()}`,
        }),
    };
  }

  afterEach(async () => {
    for (const { child, others } of started.splice(0)) {
      for (const pid of [-(child.pid ?? 0), ...others()]) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Ended by itself, which most tests are about.
        }
      }
      await waitUntil(() => groupMembers(child.pid ?? -1).length === 0, { what: 'the group is gone' });
    }
    removeTemporaryFolders();
  });

  it('lists its flags and its faults, and refuses others', async () => {
    const help = execFileSync(process.execPath, [PROGRAM, '--help'], { encoding: 'utf8' });
    for (const word of ['--in-call FAULTS', '--era ERA', 'stderr-flood', 'alien-ids']) expect(help).toContain(word);
    expect(await start(['--in-call', 'no-such-fault']).ended()).toBe(1);
  });

  it('is the fixture server where nothing else is asked for', async () => {
    const server = start([]);
    server.echo();
    expect(await server.says('Echo: x')).toContain('"protocolVersion":"2025-06-18"');
    server.child.stdin.end();
    expect(await server.ended()).toBe(0);
    expect(server.diary()).toMatch(/^start \d+ \d+\nready \d+ \d+\n$/);
  });

  it('does what it is told at each occasion, at once or later', async () => {
    expect(await start(['--at-start', 'exit:7']).ended()).toBe(7);
    expect(await start(['--at-init', 'exit:8']).ended()).toBe(8);
    expect(await start(['--after-init', 'signal:SIGSEGV@20']).ended()).toBe('SIGSEGV');
    const server = start(['--in-call', 'exit:9']);
    server.add();
    await server.says('"text":"3"');
    server.echo();
    expect(await server.ended()).toBe(9);
  });

  it.each([
    ['twice', /Echo: x.*\n.*a second answer/],
    ['alien-ids', /"id":1002}?.*\n[^]*Echo: x/],
    ['deep:2000', /"nested":\[{100}/],
    ['proto', /"__proto__":\{"polluted":true\}/],
    ['shape', /"id":2,"result":42/],
    ['split-utf8', 'grüezi 𝄞'],
    ['bad-utf8', 'before \uFFFD\uFFFD( after'],
    ['huge:2', /"id":2[^\n]{2000000}[^\n]*\n/],
    ['late:50', 'Echo: x'],
  ])('answers with %s as it says', async (fault, expected) => {
    const server = start(['--in-call', fault]);
    server.echo();
    await server.says(expected);
    // Then it is as good as ever.
    server.add();
    await server.says('"text":"3"');
  });

  it('leaves behind what it is told to, also with an empty environment', async () => {
    const server = start(['--at-start', 'members:2,anonymous-member,daemon,anonymous-daemon']);
    await server.says('protocolVersion');
    const others = childrenIn(server.diary());
    expect(others).toHaveLength(5);
    const inGroup = groupMembers(server.pid).filter((pid) => pid !== server.pid);
    expect(inGroup.sort()).toEqual(others.slice(0, 3).sort());
    const environments = others.map((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('PATH='));
    await waitUntil(() => readFileSync(`/proc/${others[4]}/comm`, 'utf8') === 'sleep\n', {
      what: 'the shells to have become what they are',
    });
    expect(environments[0]).toBe(true);
    expect(readFileSync(`/proc/${others[2]}/environ`, 'utf8')).not.toContain('PATH=/usr');
  });

  it('closes its pipes and stays', async () => {
    const mute = start(['--after-init', 'close-stdout']);
    await once(mute.child.stdout, 'end');
    expect(mute.child.exitCode).toBeNull();
    const deaf = start(['--after-init', 'close-stdin']);
    await deaf.says('protocolVersion');
    const broken = once(deaf.child.stdin, 'error');
    const writing = setInterval(() => deaf.add(), 20);
    await broken;
    clearInterval(writing);
    expect(deaf.child.exitCode).toBeNull();
  });

  it('floods until nobody listens', async () => {
    const server = start(['--after-init', 'stderr-flood,notify-flood']);
    await once(server.child.stdout, 'data');
    await waitUntil(() => server.errors().length > 100_000, { what: 'a flood on stderr' });
    await server.says('"method":"notifications/message"');
  });

  it('ends by itself', async () => {
    expect(await start(['--ignore-eof', '--ignore-term', '--lifetime-ms', '50']).ended()).toBe(1);
  });
});

describe('a diary', () => {
  it('tells how many starts were under way at once', () => {
    expect(mostAtOnce('start 1 10\nstart 2 11\nready 1 12\nstart 3 12\nready 2 20\nchild 9 20\nready 3 21\n')).toBe(2);
  });
});
