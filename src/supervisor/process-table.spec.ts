import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../../test/support/process-tree';
import { ticksSinceBoot } from './machine-life';
import { pageSizeBytes, readProcessTable } from './process-table';

describe('the process table', () => {
  it('has ourselves, with what we use', () => {
    const row = readProcessTable()?.find(({ pid }) => pid === process.pid);
    const { user, system } = process.cpuUsage();
    expect(row?.state).toMatch(/[RS]/);
    expect(Math.abs(row!.rssPages * pageSizeBytes() - process.memoryUsage.rss())).toBeLessThan(64 * 1024 * 1024);
    expect(Math.abs(row!.cpuTicks / 100 - (user + system) / 1e6)).toBeLessThan(0.5);
  });

  it('counts in pages of 4, 16 or 64 KiB', () => {
    expect([4, 16, 64]).toContain(pageSizeBytes() / 1024);
  });

  it('reads a process past spaces and parentheses in its name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'table-'));
    const path = join(folder, 'a) R 1 (b c');
    await symlink('/bin/sleep', path);
    const child = spawn(path, ['30'], { detached: true, stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      const row = () => readProcessTable()?.find(({ pid }) => pid === child.pid);
      await waitUntil(() => row()?.state === 'S', { what: 'it sleeps' });
      expect(row()).toEqual({
        pid: child.pid,
        ppid: process.pid,
        pgrp: child.pid,
        session: child.pid,
        state: 'S',
        cpuTicks: expect.any(Number),
        startTicks: expect.any(Number),
        rssPages: expect.any(Number),
      });
      expect(row()?.startTicks).toBeLessThanOrEqual(ticksSinceBoot() ?? 0);
      expect(row()?.startTicks).toBeGreaterThan((ticksSinceBoot() ?? 0) - 1_000);
      expect(row()?.rssPages).toBeGreaterThan(0);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rm(folder, { recursive: true });
    }
  });
});
