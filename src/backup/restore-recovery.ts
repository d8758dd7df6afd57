import { existsSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import type { AppConfig } from '../config/app-config';
import { finishSwap, swapBack } from './postgres-databases.repository';
import { RestoreJournal, type RestorePlan } from './restore-journal';
import { replaceSqlite } from './sqlite-copy.repository';

/**
 * Puts the old data back, however far a swap has come: of SQLite from the copies that were made before, of PostgreSQL by the
 * names. Idempotent, and asks nothing of the rest of the program: a start calls it before it opens the database.
 */
export async function rollBack(config: AppConfig, plan: RestorePlan): Promise<void> {
  if (plan.type === 'postgres') {
    if (config.database.type === 'postgres') await swapBack(config.database.url, plan);
    return;
  }
  for (const { live, old } of plan.files) {
    if (existsSync(old)) await replaceSqlite(old, live, () => undefined);
  }
}

/** The new data is proven: what is left of the old one can go. Idempotent. */
export async function settleRestore(config: AppConfig, plan: RestorePlan): Promise<void> {
  if (plan.type === 'postgres' && config.database.type === 'postgres') await finishSwap(config.database.url, plan);
}

/**
 * Ends a restore that a kill has interrupted, before anybody opens the database: one that was not proven is undone as a
 * whole. What is left in the journal is told by the service once it is up.
 */
export async function recoverRestore(config: AppConfig): Promise<void> {
  const journal = new RestoreJournal(config.dataDir);
  const entry = journal.find();
  if (entry === null) return;
  const logger = new Logger('Backup');
  if (entry.phase === 'swapping') {
    logger.warn('A restore was interrupted: the old data is put back', { backupId: entry.backupId });
    await rollBack(config, entry.plan);
    const failure = { code: 'restore_interrupted', message: 'MCPS.ONE was ended in the middle; the old data is back' };
    await journal.write({ ...entry, phase: 'undone', failure });
    return;
  }
  if (entry.phase === 'done') await settleRestore(config, entry.plan);
}
