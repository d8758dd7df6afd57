import { once, EventEmitter } from 'node:events';
import childProcess from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { groupMembers, openFileDescriptors, waitUntil } from '../../test/support/process-tree';
import { NodeProcessSpawner } from './node-process-spawner';
import type { Launch, ManagedProcess } from './process-spawner';
import { readProcessTable } from './process-table';
import { RunRecords } from './run-records';

const PATH = process.env.PATH ?? '';
const spawner = new NodeProcessSpawner();
const started: ManagedProcess[] = [];
let folder = '';

async function run(command: string, args: string[] = [], given: Partial<Launch> = {}): Promise<ManagedProcess> {
  const child = await spawner.spawn({ command, args, cwd: null, env: { PATH }, ...given });
  started.push(child);
  return child;
}

function sh(script: string): Promise<ManagedProcess> {
  return run('/bin/sh', ['-c', script]);
}

function gone(child: ManagedProcess): Promise<unknown> {
  return waitUntil(() => child.isGone(), { what: 'the group is gone' });
}

function refusalOf(launch: Partial<Launch>): Promise<unknown> {
  return spawner.spawn({ command: process.execPath, args: [], cwd: null, env: { PATH }, ...launch }).then(
    () => 'it was started',
    (error: unknown) => error,
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spawner-'));
  await writeFile(join(folder, 'plain.txt'), 'no program');
  await writeFile(join(folder, 'orphaned'), '#!/no/such/interpreter\n');
  await chmod(join(folder, 'orphaned'), 0o755);
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    child.signal('SIGKILL');
    await gone(child);
  }
});

afterAll(() => rm(folder, { recursive: true }));

describe('a program that cannot be started', () => {
  it('F25: is named by its reason, and permanent', async () => {
    const missing = join(folder, 'nothing');
    const reasons: [Partial<Launch>, string, string][] = [
      [{ command: missing }, 'command_not_found', missing],
      [{ command: join(folder, 'orphaned') }, 'command_not_found', 'the interpreter that its first line names'],
      [{ command: join(folder, 'plain.txt') }, 'command_not_executable', join(folder, 'plain.txt')],
      [{ cwd: missing }, 'cwd_not_found', `The working directory ${missing} is not there`],
      [{ cwd: join(folder, 'plain.txt') }, 'cwd_not_found', 'plain.txt'],
      [{ args: ['a\0b'] }, 'arguments_invalid', 'NUL'],
      [{ env: { PATH, BAD: 'a\0b' } }, 'arguments_invalid', 'NUL'],
      [{ args: ['x'.repeat(200_000)] }, 'arguments_too_long', 'too long'],
    ];
    for (const [launch, code, message] of reasons) {
      expect(await refusalOf(launch)).toMatchObject({ name: 'SpawnError', code, permanent: true });
      expect(await refusalOf(launch)).toMatchObject({ message: expect.stringContaining(message) });
    }
  });

  it('F44: is no crash of ours, and may be tried again, when no file descriptor is free', async () => {
    // What Node does at EMFILE: no pipes, and an error event in the next tick.
    const stillborn = Object.assign(new EventEmitter(), { pid: undefined, stdin: undefined, stdout: undefined });
    const failure = Object.assign(new Error('spawn EMFILE'), { code: 'EMFILE' });
    const spy = jest.spyOn(childProcess, 'spawn').mockImplementationOnce(() => {
      process.nextTick(() => stillborn.emit('error', failure));
      return stillborn as unknown as childProcess.ChildProcess;
    });
    try {
      expect(await refusalOf({})).toMatchObject({ code: 'spawn_failed', permanent: false });
    } finally {
      spy.mockRestore();
    }
  });

  it('F35: leaves no file descriptor open', async () => {
    await refusalOf({ command: join(folder, 'nothing') });
    const before = openFileDescriptors().length;
    for (let round = 0; round < 10; round++) await refusalOf({ command: join(folder, 'nothing') });
    await waitUntil(() => openFileDescriptors().length <= before, { what: 'all are closed' });
  });
});

describe('a child', () => {
  it('has exactly the environment, the arguments and the folder it was given', async () => {
    const script = 'console.log(JSON.stringify([process.env, process.argv.slice(1), process.cwd()]))';
    const args = ['-e', script, '--', 'a b', '$HOME', '"'];
    const child = await run(process.execPath, args, { cwd: folder, env: { ONLY: 'this' } });
    expect(JSON.parse(await text(child.stdout))).toEqual([{ ONLY: 'this' }, ['a b', '$HOME', '"'], folder]);
  });

  it('leads a process group of its own', async () => {
    const child = await sh('sleep 30 & echo $!; wait');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(groupMembers(child.pid).sort()).toEqual([child.pid, Number(line.toString())].sort());
  });

  it('tells how it exited, after its last words', async () => {
    const child = await sh('cat; echo bye; exit 7');
    child.stdin.end('hello ');
    const words = text(child.stdout);
    expect(await child.exited).toEqual({ code: 7, signal: null });
    expect(await words).toBe('hello bye\n');
    const talkative = await sh('head -c 60000 /dev/zero; echo bye >&2');
    for (const pipe of [talkative.stdout, talkative.stderr]) pipe.resume();
    await talkative.exited;
    expect([talkative.stdout.readableEnded, talkative.stderr.readableEnded]).toEqual([true, true]);
    const killed = await sh('kill -SEGV $$');
    expect(await killed.exited).toEqual({ code: null, signal: 'SIGSEGV' });
  });

  it('F11: has exited although a daemon holds its pipes', async () => {
    const child = await sh('setsid sleep 30 & echo $!; exit 0');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const daemon = Number(line.toString());
    try {
      expect(await child.exited).toEqual({ code: 0, signal: null });
      expect(child.stdout.readableEnded).toBe(false);
      expect(groupMembers(daemon)).toEqual([daemon]);
      await gone(child);
    } finally {
      process.kill(daemon, 'SIGKILL');
    }
  });

  it('breaks a pipe without breaking us', async () => {
    const child = await sh('exec 0<&-; echo closed; sleep 30');
    await once(child.stdout, 'data');
    const closed = new Promise((resolve) => child.stdin.once('close', resolve));
    child.stdin.write('x');
    await closed;
    expect(child.stdin.errored).toMatchObject({ code: 'EPIPE' });
  });
});

describe('the group of a child', () => {
  it('F9: is not gone while one member lives, and is signalled as a whole', async () => {
    const child = await sh(`sh -c 'trap "" TERM; echo up; exec sleep 30' & exit 0`);
    await once(child.stdout, 'data');
    await child.exited;
    expect(child.isGone()).toBe(false);
    child.signal('SIGTERM');
    expect(groupMembers(child.pid)).toHaveLength(1);
    expect(child.isGone()).toBe(false);
    child.signal('SIGKILL');
    await gone(child);
    expect(groupMembers(child.pid)).toEqual([]);
  });

  it('F35: is gone when only zombies are left of it', async () => {
    // The middle one leaves the group by setsid and never waits for the child that it had in it.
    const child = await sh('sh -c "sleep 0.1 & echo \\$\\$; exec setsid sleep 30" & exit 0');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const careless = Number(line.toString());
    try {
      await child.exited;
      await gone(child);
      const states = readProcessTable()?.filter((row) => row.pgrp === child.pid);
      expect(states).toMatchObject([{ state: 'Z' }]);
    } finally {
      process.kill(careless, 'SIGKILL');
    }
  });

  it('is not gone because another user owns it', async () => {
    const child = await sh('sleep 30 & exit 0');
    await child.exited;
    const spy = jest.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    try {
      expect(child.isGone()).toBe(false);
      expect(() => child.signal('SIGTERM')).not.toThrow();
    } finally {
      spy.mockRestore();
    }
  });

  it('is never signalled after it was gone: its number may belong to somebody else then', async () => {
    const child = await sh('exit 0');
    await child.exited;
    await gone(child);
    const spy = jest.spyOn(process, 'kill');
    try {
      child.signal('SIGTERM');
      child.signal('SIGKILL');
      expect(spy).not.toHaveBeenCalled();
    } finally {
      spy.mockRestore();
    }
  });
});

describe('a run that is written down', () => {
  const marker = `written-${process.pid}:tool-1`;
  const launch = (script: string): Launch => ({
    command: '/bin/sh',
    args: ['-c', script],
    cwd: null,
    env: { PATH, MCPS_INSTANCE: marker },
  });

  it('is on the disk before the child is used, and gone with it', async () => {
    const records = new RunRecords(join(folder, 'runs'));
    const recording = new NodeProcessSpawner(records);
    await recording.prepare();
    const child = await recording.spawn(launch('exec sleep 30'));
    started.push(child);
    const [run] = (await records.load()).runs;
    expect(run?.record).toMatchObject({ toolId: 'tool-1', pid: child.pid, marker, container: null });
    child.signal('SIGKILL');
    await gone(child);
    await child.release();
    expect((await records.load()).runs).toEqual([]);
    recording.end();
  });

  it('F5: loses no word of a program that ends while it is written down', async () => {
    const records = new RunRecords(join(folder, 'slow-runs'));
    const recording = new NodeProcessSpawner(records);
    await recording.prepare();
    const keep = records.keep.bind(records);
    jest.spyOn(records, 'keep').mockImplementation(async (run, leads) => {
      await waitUntil(() => !leads(), { what: 'the program has ended' });
      await new Promise((resolve) => setImmediate(resolve));
      await keep(run, leads);
    });
    const child = await recording.spawn(launch('echo out; echo "a variable is missing" >&2; exit 3'));
    started.push(child);
    const words = Promise.all([text(child.stdout), text(child.stderr)]);
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(await words).toEqual(['out\n', 'a variable is missing\n']);
    await child.release();
    recording.end();
  });

  it('F48: is started all the same when it can not be written down', async () => {
    const recording = new NodeProcessSpawner(new RunRecords(join(folder, 'plain.txt', 'runs')));
    await recording.prepare();
    const child = await recording.spawn(launch('exec sleep 30'));
    started.push(child);
    expect(recording.isolation().notes).toEqual([expect.stringContaining('Run records can not be written')]);
    child.signal('SIGKILL');
    await gone(child);
    await child.release();
    recording.end();
  });
});
