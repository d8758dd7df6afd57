import { join } from 'node:path';
import type { AppConfig } from '../config/app-config';

/** What tools must not see of us. */
export interface HiddenPlaces {
  /** Shown empty and read-only; made if they are not there, so that they can't appear later. */
  folders: readonly string[];
  /** Shown empty, those that are there when a tool starts. */
  files: readonly string[];
}

/** Where our data, our keys, our backups and our logs (those of the other tools among them) are. */
export function hiddenPlaces(
  { dataDir, backupDir, logDir, logFile, database }: AppConfig,
  workingFolder = process.cwd(),
): HiddenPlaces {
  const databaseFiles =
    database.type === 'sqlite' && !database.temporary
      ? ['', '-wal', '-shm', '-journal'].map((suffix) => database.file + suffix)
      : [];
  return {
    folders: [dataDir, backupDir, logDir],
    // The settings may hold SECRET_KEY.
    files: [logFile, ...databaseFiles, join(workingFolder, '.env')],
  };
}
