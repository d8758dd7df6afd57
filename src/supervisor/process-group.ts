import { spawn } from 'node:child_process';
import { readProcessTable } from './process-table';

/**
 * Signals a whole process group. `npx server` is three processes of which only the first is our child: a signal to that
 * one alone leaves the server behind.
 */
export function signalGroup(pgid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (process.platform === 'win32') {
    // No groups there: the tree is ended by the system's own tool, which knows only force.
    spawn('taskkill', ['/pid', String(pgid), '/T', '/F'], { stdio: 'ignore', windowsHide: true }).on(
      'error',
      () => undefined,
    );
    return;
  }
  try {
    process.kill(-pgid, signal);
  } catch (error) {
    // ESRCH: already gone. EPERM (macOS, a group of zombies): nothing left to signal.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Whether no member of the group lives. Zombies are dead: only their parent has not looked yet. */
export function isGroupGone(pgid: number, readTable = readProcessTable): boolean {
  if (process.platform === 'win32') return true;
  try {
    process.kill(-pgid, 0);
  } catch (error) {
    // EPERM: there are members, but of another user (sudo, a set-uid program); /proc tells whether they live.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM' || process.platform !== 'linux') return true;
  }
  const table = readTable();
  return table !== null && !table.some((row) => row.pgrp === pgid && row.state !== 'Z' && row.state !== 'X');
}
