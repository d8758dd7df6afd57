import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from './common/domain-error';
import { StartError } from './common/start-error';
import type { AppConfig } from './config/app-config';

/** More than a file system that is full to the last block takes. */
const TRIAL_BYTES = 64 * 1024;

/**
 * Makes the folders that we write to and proves each by a real write (F50): a folder that can be opened may still be on a
 * file system that is full or mounted read-only. @throws StartError
 */
export function prepareFolders(config: AppConfig): void {
  const { database } = config;
  prepare(config.dataDir, 'DATA_DIR');
  if (database.type === 'sqlite' && !database.temporary) prepare(dirname(database.file), 'DATABASE_URL');
  prepare(dirname(config.logFile), 'LOG_DIR and LOG_FILE');
}

function prepare(folder: string, variable: string): void {
  const trial = join(folder, `.mcps-write-test-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const descriptor = openSync(trial, 'w', 0o600);
    try {
      writeSync(descriptor, Buffer.alloc(TRIAL_BYTES));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
      rmSync(trial, { force: true });
    }
  } catch (error) {
    throw new StartError(`The folder ${folder} (see ${variable}) can't be written: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
    case 'EPERM':
      return `permission denied to the user that MCPS.ONE runs as (${process.getuid?.() ?? 'unknown'})`;
    case 'EROFS':
      return 'its file system is mounted read-only';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'there is no space left on its disk';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'it, or what it lies in, is a file';
    default:
      return messageOf(error);
  }
}
