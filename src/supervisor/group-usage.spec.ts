import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { waitUntil } from '../../test/support/process-tree';
import { GroupUsageReader } from './group-usage';
import { readProcessTable } from './process-table';

describe('what a process group uses', () => {
  let monotonic = 0;
  const reader = new GroupUsageReader({ now: () => 0, monotonic: () => monotonic });

  it('sums up memory, processes and CPU of all members', async () => {
    const busy = spawn('/bin/sh', ['-c', '(while :; do :; done) & sleep 30 & wait'], {
      detached: true,
      stdio: 'ignore',
    });
    const pid = busy.pid!;
    const ticks = () => readProcessTable()!.reduce((sum, row) => sum + (row.pgrp === pid ? row.cpuTicks : 0), 0);
    try {
      const members = () => readProcessTable()!.filter((row) => row.pgrp === pid).length === 3;
      await waitUntil(members, { what: 'all three are there' });
      const first = reader.read(pid);
      expect(first).toEqual({ cpuPercent: null, memoryBytes: expect.any(Number), processes: 3 });
      expect(first?.memoryBytes).toBeGreaterThan(500_000);
      const before = ticks();
      await waitUntil(() => ticks() >= before + 10, { what: 'it has burnt a tenth of a second' });
      expect(reader.read(pid)).toEqual(first); // still fresh
      monotonic += 1_000;
      await reader.sample([pid]);
      expect(reader.read(pid)?.cpuPercent).toBeGreaterThanOrEqual(10);
      expect(reader.read(pid)?.cpuPercent).toBeLessThan(400);
      expect(reader.read(pid)).toMatchObject({ processes: 3 });
    } finally {
      process.kill(-pid, 'SIGKILL');
      await once(busy, 'exit');
    }
    await waitUntil(
      async () => {
        await reader.sample([pid]);
        return (monotonic += 10_000) && reader.read(pid) === null;
      },
      { what: 'it is forgotten' },
    );
  });

  it('looks by itself when nobody has taken a sample for a while', async () => {
    const child = spawn('/bin/sleep', ['30'], { detached: true, stdio: 'ignore' });
    const pid = child.pid ?? NaN;
    try {
      // What it takes to begin is over.
      const sleeps = () => readProcessTable()?.find((row) => row.pid === pid)?.state === 'S';
      await waitUntil(() => sleeps() && (monotonic += 10_000) && reader.read(pid), { what: 'it is there' });
      monotonic += 10_000;
      expect(reader.read(pid)).toMatchObject({ cpuPercent: 0, processes: 1 });
      await reader.sample([]);
      expect(reader.read(pid)).toMatchObject({ cpuPercent: null, processes: 1 });
    } finally {
      process.kill(-pid, 'SIGKILL');
      await once(child, 'exit');
    }
  });

  it('finds members that came since the sample before, and reads nobody else again', async () => {
    const group = spawn('/bin/sh', ['-c', 'read line; sleep 30 & sleep 30 & wait'], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const pid = group.pid ?? NaN;
    try {
      await reader.sample([pid]);
      expect(reader.read(pid)).toMatchObject({ processes: 1 });
      group.stdin.end('go\n');
      await waitUntil(() => reader.sample([pid]).then(() => reader.read(pid)?.processes === 3), {
        what: 'all three are seen',
      });
    } finally {
      process.kill(-pid, 'SIGKILL');
      await once(group, 'exit');
    }
  });
});
