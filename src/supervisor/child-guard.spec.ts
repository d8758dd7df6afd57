import childProcess, { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { groupMembers, waitUntil } from '../../test/support/process-tree';
import { ChildGuard } from './child-guard';

/** A group of its own; `script` runs in it. */
async function aGroup(script = 'sleep 30 & sleep 30'): Promise<ChildProcess & { pid: number }> {
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  return child as ChildProcess & { pid: number };
}

describe('the guard', () => {
  const groups: number[] = [];
  let guard: ChildGuard;
  beforeEach(() => (guard = new ChildGuard()));
  afterEach(async () => {
    guard.end();
    for (const pgid of groups.splice(0)) {
      if (groupMembers(pgid).length > 0) process.kill(-pgid, 'SIGKILL');
      await waitUntil(() => groupMembers(pgid).length === 0, { what: 'the group is gone' });
    }
  });

  /** As if we were killed: the pipe to the guard ends. */
  const abandon = () => (guard as unknown as { shell: ChildProcess }).shell.stdin?.end();
  const another = (than: number | null) =>
    waitUntil(() => guard.pid !== null && guard.pid !== than && guard.pid, { what: 'another guard' });

  it('F30: ends the groups it knows when we are gone, also those that ignore SIGTERM, and no other', async () => {
    const [polite, stubborn, foreign, done] = [
      await aGroup(),
      await aGroup('trap "" TERM; sleep 30 & while :; do sleep 1; done'),
      await aGroup(),
      await aGroup(),
    ];
    groups.push(polite.pid, stubborn.pid, foreign.pid, done.pid);
    for (const { pid } of [polite, stubborn, done]) guard.add(pid);
    guard.remove(done.pid);
    abandon();
    await waitUntil(() => groupMembers(polite.pid).length + groupMembers(stubborn.pid).length === 0, {
      what: 'both groups are gone',
    });
    expect(groupMembers(foreign.pid)).not.toEqual([]);
    expect(groupMembers(done.pid)).not.toEqual([]);
  });

  it('F34: is replaced when it is killed, and the new one knows all groups', async () => {
    const [old, young] = [await aGroup(), await aGroup()];
    groups.push(old.pid, young.pid);
    guard.add(old.pid);
    for (let round = 1; round <= 3; round++) {
      const before = guard.pid;
      process.kill(before ?? -1, 'SIGKILL');
      await another(before);
      expect(guard.respawns).toBe(round);
      expect(guard.works).toBe(true);
    }
    guard.add(young.pid);
    abandon();
    await waitUntil(() => groupMembers(old.pid).length + groupMembers(young.pid).length === 0, {
      what: 'both groups are gone',
    });
  });

  it('F34: is not ended by signals that are meant for others', async () => {
    const group = await aGroup();
    groups.push(group.pid);
    guard.add(group.pid);
    const pid = guard.pid ?? -1;
    const ignores = (signal: number) => {
      const mask = /^SigIgn:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
      return (BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n;
    };
    await waitUntil(() => ignores(constants.signals.SIGTERM) === 1n, { what: 'its traps are set' });
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.kill(pid, signal);
    abandon();
    await waitUntil(() => groupMembers(group.pid).length === 0, { what: 'it has done its work' });
    expect(guard.respawns).toBe(0);
  });

  it('F34, F44: is tried again when it could not be started', async () => {
    const stillborn = Object.assign(new EventEmitter(), { pid: undefined, stdin: undefined, unref: () => undefined });
    const failure = Object.assign(new Error('spawn EMFILE'), { code: 'EMFILE' });
    const group = await aGroup();
    groups.push(group.pid);
    const spy = jest.spyOn(childProcess, 'spawn').mockImplementationOnce(() => {
      process.nextTick(() => stillborn.emit('error', failure));
      return stillborn as unknown as ChildProcess;
    });
    try {
      guard.add(group.pid);
      expect(guard.works).toBe(false);
      await another(null);
    } finally {
      spy.mockRestore();
    }
    expect(guard.works).toBe(true);
  });

  it('is not there, and works, as long as there is nothing to guard; and goes home when there is nothing any more', async () => {
    expect([guard.pid, guard.works]).toEqual([null, true]);
    const group = await aGroup();
    groups.push(group.pid);
    guard.add(group.pid);
    const pid = guard.pid ?? -1;
    guard.end();
    await waitUntil(() => groupMembers(pid).length === 0, { what: 'it is gone' });
    expect(groupMembers(group.pid)).not.toEqual([]);
  });
});
