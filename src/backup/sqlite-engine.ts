import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { logDatabaseFile } from '../database/log-database';
import { BackupRefusedError } from './backup.errors';
import { type BackupEngine, differenceOf, type ProofOrder, type Snapshot, type SnapshotOrder } from './backup-engine';
import type { BackupHeader, ContentSummary } from './backup-header';
import type { BackupThreads, OnProgress } from './backup-threads';
import type { RestorePlan } from './restore-journal';
import type { SqliteContent } from './sqlite-copy.repository';
import { prepareStaged, type Staged, type StagingOrder } from './staging.repository';

const MAIN = 'main.db';
/** As the main file's name makes it: so a folder of parts is a database with its logs beside it. */
const LOGS = logDatabaseFile(MAIN);
const OLD = 'old-';
/** Tables of both files have their names in one list: those of the log file are told by this. */
const LOG_PREFIX = 'logs.';

type SqlitePlan = RestorePlan & { type: 'sqlite' };

/** Backups of SQLite: the main file and the one of the logs, each copied by SQLite itself in a thread. */
export class SqliteEngine implements BackupEngine {
  readonly databaseType = 'sqlite';

  constructor(
    private readonly files: { main: string; logs: string },
    private readonly threads: BackupThreads,
  ) {}

  async snapshot({ folder, includeLogs, onProgress }: SnapshotOrder): Promise<Snapshot> {
    const { main, logs } = this.files;
    const sources = [{ from: main, name: MAIN }, ...(includeLogs ? [{ from: logs, name: LOGS }] : [])];
    const total = sources.reduce((sum, { from }) => sum + sizeOf(from), 0) || 1;
    const counted: SqliteContent[] = [];
    let before = 0;
    for (const { from, name } of sources) {
      const share = sizeOf(from) / total;
      const base = before;
      counted.push(
        await this.threads.run('sqlite.copy', { from, to: join(folder, name) }, (part) =>
          onProgress(base + part * share),
        ),
      );
      before += share;
    }
    const snapshot = summaryOf(counted);
    refuseDifference(snapshot, await this.read(folder, { includesLogs: includeLogs }));
    return { ...snapshot, format: 'sqlite', includesLogs: includeLogs, partNames: sources.map(({ name }) => name) };
  }

  async prove({ folder, header }: ProofOrder): Promise<void> {
    const names = header.parts.map(({ name }) => name);
    const expected = header.includesLogs ? [MAIN, LOGS] : [MAIN];
    if (names.join() !== expected.join()) throw new BackupRefusedError('backup_header_invalid', 'its parts are others');
    refuseDifference(header, await this.read(folder, header));
  }

  sizeBytes(): Promise<number> {
    return Promise.resolve(sizeOf(this.files.main) + sizeOf(this.files.logs));
  }

  async stage(order: ProofOrder, staging: StagingOrder): Promise<Staged> {
    await this.prove(order);
    const { folder, header } = order;
    const schema = header.includesLogs ? staging.schema : { ...staging.schema, logs: undefined };
    const facts = await prepareStaged(
      { type: 'sqlite', file: join(folder, MAIN), temporary: true },
      { ...staging, schema },
    );
    return { facts, content: await this.read(folder, header) };
  }

  /** The safety backup's copy, the one that is put back after a failure, and the log that the swap goes through. */
  async roomToRestore({ originalBytes }: BackupHeader): Promise<number> {
    return 2 * (await this.sizeBytes()) + originalBytes;
  }

  plan(_id: string, folder: string, { includesLogs }: BackupHeader): RestorePlan {
    const { main, logs } = this.files;
    const pairs = [[main, MAIN] as const, ...(includesLogs ? [[logs, LOGS] as const] : [])];
    return {
      type: 'sqlite',
      files: pairs.map(([live, name]) => ({ live, staged: join(folder, name), old: join(folder, `${OLD}${name}`) })),
    };
  }

  async keepOld(plan: RestorePlan, onProgress: OnProgress): Promise<void> {
    const { files } = sqlitePlan(plan);
    for (const [index, { live, old }] of files.entries()) {
      await this.threads.run('sqlite.copy', { from: live, to: old }, (part) => {
        onProgress((index + part) / files.length);
      });
    }
  }

  async swap(
    plan: RestorePlan,
    { onProgress, between }: { onProgress: OnProgress; between: () => Promise<void> },
  ): Promise<void> {
    const { files } = sqlitePlan(plan);
    for (const [index, { live, staged }] of files.entries()) {
      if (index > 0) await between();
      await this.threads.run('sqlite.replace', { from: staged, live }, (part) => {
        onProgress((index + part) / files.length);
      });
    }
    if (files.length === 1) await between();
  }

  async differenceLive(plan: RestorePlan, content: ContentSummary): Promise<string | null> {
    const contents: SqliteContent[] = [];
    for (const { live } of sqlitePlan(plan).files) {
      contents.push(await this.threads.run('sqlite.count', { file: live }));
    }
    return differenceOf(content, summaryOf(contents));
  }

  /** All that a job of ours leaves is in its folder. */
  cleanUp(): Promise<void> {
    return Promise.resolve();
  }

  private async read(folder: string, { includesLogs }: { includesLogs: boolean }): Promise<ContentSummary> {
    const contents: SqliteContent[] = [];
    for (const name of includesLogs ? [MAIN, LOGS] : [MAIN]) {
      contents.push(await this.threads.run('sqlite.check', { file: join(folder, name) }));
    }
    return summaryOf(contents);
  }
}

function sqlitePlan(plan: RestorePlan): SqlitePlan {
  if (plan.type !== 'sqlite') throw new Error('This restore is of a PostgreSQL database');
  return plan;
}

function summaryOf([main, logs]: SqliteContent[]): ContentSummary {
  return {
    tables: [
      ...(main?.tables ?? []),
      ...(logs?.tables ?? []).map(({ name, rows }) => ({ name: `${LOG_PREFIX}${name}`, rows })),
    ],
    migrations: main?.migrations ?? [],
    logMigrations: logs?.migrations ?? null,
  };
}

function refuseDifference(expected: ContentSummary, found: ContentSummary): void {
  const difference = differenceOf(expected, found);
  if (difference !== null) throw new BackupRefusedError('backup_content_mismatch', difference);
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}
