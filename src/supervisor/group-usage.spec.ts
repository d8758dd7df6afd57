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
      await waitUntil(members, { timeoutMs: 2_000, what: 'all three are there' });
      const first = reader.read(pid);
      expect(first).toEqual({ cpuPercent: null, memoryBytes: expect.any(Number), processes: 3 });
      expect(first?.memoryBytes).toBeGreaterThan(500_000);
      const before = ticks();
      await waitUntil(() => ticks() >= before + 10, { timeoutMs: 5_000, what: 'it has burnt a tenth of a second' });
      expect(reader.read(pid)).toEqual(first); // still fresh
      monotonic += 1_000;
      expect(reader.read(pid)?.cpuPercent).toBeGreaterThanOrEqual(10);
      expect(reader.read(pid)?.cpuPercent).toBeLessThan(400);
    } finally {
      process.kill(-pid, 'SIGKILL');
      await once(busy, 'exit');
    }
    await waitUntil(() => (monotonic += 1_000) && reader.read(pid) === null, {
      timeoutMs: 2_000,
      what: 'it is forgotten',
    });
  });
});
