import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { groupMembers, waitUntil } from '../../test/support/process-tree';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { INSTANCE_MARKER } from './child-environment';
import { reapLeftovers } from './leftovers';
import { machineLife, ticksSinceBoot } from './machine-life';
import { readProcess } from './process-table';
import type { RunRecord } from './run-record';
import { RunRecords } from './run-records';

describe('what an earlier run has left behind', () => {
  beforeAll(() => Logger.overrideLogger(false));
  const installation = randomUUID();
  const started: ChildProcess[] = [];
  let folder: string;
  let records: RunRecords;

  beforeEach(async () => {
    folder = join(temporaryFolder(), 'runs');
    records = new RunRecords(folder);
    await records.prepare();
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      const { pid } = child;
      if (pid !== undefined && groupMembers(pid).length > 0) process.kill(-pid, 'SIGKILL');
    }
    removeTemporaryFolders();
  });

  /** Leads a session; says a line when it is up. Nothing of our environment, and no marker. */
  async function aSession(script = 'sleep 60 & echo up; exec sleep 60', shell = '/bin/sh'): Promise<number> {
    const child = spawn(shell, ['-c', script], { detached: true, env: {}, stdio: ['ignore', 'pipe', 'ignore'] });
    started.push(child);
    await once(child.stdout, 'data');
    return child.pid ?? -1;
  }

  function plant(pid: number, given: Partial<RunRecord> = {}): void {
    const id = given.id ?? randomUUID();
    const record: RunRecord = {
      id,
      toolId: 'tool-1',
      pid,
      startTicks: readProcess(pid)?.startTicks ?? null,
      life: machineLife(),
      marker: `${installation}:tool-1`,
      container: null,
      ...given,
    };
    writeFileSync(join(folder, `${id}.json`), JSON.stringify(record));
  }

  const beat = (ids: string[], at = ticksSinceBoot()) =>
    writeFileSync(join(folder, 'alive'), JSON.stringify({ life: machineLife(), at, ids }));
  const reap = () => reapLeftovers(`${installation}:`, new RunRecords(folder));
  const remaining = () => readdirSync(folder).filter((name) => name !== 'alive');

  it('F30: is found by its record although it has cleared its environment', async () => {
    const pid = await aSession();
    plant(pid);
    expect(await reap()).toBe(2);
    expect(groupMembers(pid)).toEqual([]);
    expect(remaining()).toEqual([]);
  });

  it('F30: is found with those who have a process group of their own in its session', async () => {
    const pid = await aSession('set -m; sleep 60 & echo $!; exec sleep 60', '/bin/bash');
    await waitUntil(() => groupMembers(pid).length === 1, { what: 'two groups' });
    plant(pid);
    expect(await reap()).toBe(2);
  });

  it('F30: is found after its leader has ended, when the leader was seen alive after the birth of a member', async () => {
    const pid = await aSession();
    plant(pid, { id: 'led' });
    const born = ticksSinceBoot() ?? 0;
    // The clock of start times has steps of 10 ms.
    await waitUntil(() => (ticksSinceBoot() ?? 0) > born + 1, { what: 'the clock ticks' });
    beat(['led']);
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => readProcess(pid) === null, { what: 'the leader is reaped' });
    expect(groupMembers(pid)).toHaveLength(1);
    expect(await reap()).toBe(1);
    expect(groupMembers(pid)).toEqual([]);
  });

  it('F30: is left alone after its leader has ended, when nothing proves that it is ours', async () => {
    const pid = await aSession();
    plant(pid, { id: 'led' });
    beat(['led'], readProcess(pid)?.startTicks);
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => readProcess(pid) === null, { what: 'the leader is reaped' });
    expect(await reap()).toBe(0);
    expect(groupMembers(pid)).toHaveLength(1);
    expect(remaining()).toEqual([]);
  });

  it('F30: is never a stranger that has got the recorded number', async () => {
    const decoy = await aSession();
    plant(decoy, { startTicks: (readProcess(decoy)?.startTicks ?? 0) - 500 });
    expect(await reap()).toBe(0);
    expect(groupMembers(decoy)).toHaveLength(2);
    expect(remaining()).toEqual([]);
  });

  it('F30: is nobody after another boot, or in another container: then the records just go', async () => {
    const decoy = await aSession();
    const life = machineLife() ?? '';
    for (const other of [
      life.replace(/^\S+/, randomUUID()),
      life.replace(/\[\d+\]/, '[1]'),
      life.replace(/\d+$/, '999999'),
      null,
    ]) {
      plant(decoy, { life: other });
    }
    expect(await reap()).toBe(0);
    expect(groupMembers(decoy)).toHaveLength(2);
    expect(remaining()).toEqual([]);
  });

  it('F30: does not hinder a boot by damaged records, and is found by the others all the same', async () => {
    const pid = await aSession();
    for (const [n, text] of ['', '{"pid":', 'null', '{"pid": -1}', '\0\0\0\0'].entries()) {
      writeFileSync(join(folder, `damaged-${n}.json`), text);
    }
    plant(pid);
    expect(await reap()).toBe(2);
    expect(remaining()).toEqual([]);
  });

  it('F10: is found by its marker when it has left the session, records or not', async () => {
    const env = { [INSTANCE_MARKER]: `${installation}:tool-1` };
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore', env: { ...env, PATH: process.env.PATH } });
    started.push(child);
    await once(child, 'spawn');
    expect(await reapLeftovers(`${installation}:`, null)).toBe(1);
    expect(groupMembers(child.pid ?? -1)).toEqual([]);
  });

  it('is nothing where nothing was written down', async () => {
    expect(await reapLeftovers(`${installation}:`, new RunRecords(join(folder, 'missing')))).toBe(0);
  });
});
