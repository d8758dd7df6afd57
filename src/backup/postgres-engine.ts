import { join } from 'node:path';
import type { Schema } from '../database/data-source';
import { BackupFailedError, BackupRefusedError } from './backup.errors';
import { type BackupEngine, differenceOf, type ProofOrder, type Snapshot, type SnapshotOrder } from './backup-engine';
import type { BackupHeader, ContentSummary } from './backup-header';
import type { BackupThreads, OnProgress } from './backup-threads';
import {
  createDatabase,
  databaseFacts,
  databaseName,
  databaseUrl,
  dropDatabase,
  findDatabase,
  requireOwner,
  swapDatabases,
} from './postgres-databases.repository';
import { findPostgresPrograms, type PostgresPrograms } from './postgres-programs';
import { ARCHIVE, type PostgresContent } from './postgres-snapshot.repository';
import type { RestorePlan } from './restore-journal';
import { migrateTo, prepareStaged, type Staged, type StagingOrder } from './staging.repository';

type PostgresPlan = RestorePlan & { type: 'postgres' };

const scratchNames = (id: string) => {
  const short = id.replaceAll('-', '');
  return { proof: `mcps_proof_${short}`, staged: `mcps_staged_${short}`, old: `mcps_before_${short}` };
};

/**
 * Backups of PostgreSQL: an archive of pg_dump where that is there and new enough, else the rows of every table by COPY.
 * Proven in a database of its own; restored by renaming databases.
 */
export class PostgresEngine implements BackupEngine {
  readonly databaseType = 'postgres';

  constructor(
    private readonly url: string,
    /** Where programs are looked for. */
    private readonly path: string,
    private readonly schema: Schema,
    private readonly threads: BackupThreads,
  ) {}

  async snapshot({ id, folder, includeLogs, onProgress }: SnapshotOrder): Promise<Snapshot> {
    const programs = await this.fittingPrograms();
    const withoutTables = includeLogs ? [] : this.logTables();
    const given = { url: this.url, folder, withoutTables, programs };
    const made = await this.threads.run('postgres.snapshot', given, (part) => onProgress(part * 0.6));
    const snapshot = { ...made, logMigrations: null, includesLogs: includeLogs };
    await this.inScratch(scratchNames(id).proof, (url) => this.load(url, folder, snapshot));
    onProgress(1);
    return snapshot;
  }

  async prove({ id, folder, header }: ProofOrder): Promise<void> {
    await this.inScratch(scratchNames(id).proof, (url) => this.load(url, folder, header));
  }

  async sizeBytes(): Promise<number> {
    return (await databaseFacts(this.url)).sizeBytes;
  }

  async stage({ id, folder, header }: ProofOrder, staging: StagingOrder): Promise<Staged> {
    const { staged } = scratchNames(id);
    await requireOwner(this.url);
    await createDatabase(this.url, staged);
    const url = databaseUrl(this.url, staged);
    await this.load(url, folder, header);
    const facts = await prepareStaged({ type: 'postgres', url }, staging);
    return { facts, content: await this.read(url, header) };
  }

  /** The safety backup's copy is all that is made here: the databases are the server's. */
  roomToRestore(): Promise<number> {
    return this.sizeBytes();
  }

  plan(id: string, _folder: string, { includesLogs }: BackupHeader): RestorePlan {
    const { staged, old } = scratchNames(id);
    return { type: 'postgres', live: databaseName(this.url), staged, old, token: id, carryLogs: !includesLogs };
  }

  /** The old database stays whole, under another name. What the backup has no rows of moves on to the new one. */
  async keepOld(plan: RestorePlan, onProgress: OnProgress): Promise<void> {
    const { carryLogs, staged } = postgresPlan(plan);
    if (carryLogs) {
      const toUrl = databaseUrl(this.url, staged);
      await this.threads.run('postgres.carry', { fromUrl: this.url, toUrl, tables: this.logTables() });
    }
    onProgress(1);
  }

  async swap(
    plan: RestorePlan,
    { onProgress, between }: { onProgress: OnProgress; between: () => Promise<void> },
  ): Promise<void> {
    await swapDatabases(this.url, postgresPlan(plan));
    await between();
    onProgress(1);
  }

  /** The database is the staged one as a whole, or it is not: rows that are written meanwhile are none of its business. */
  async differenceLive(plan: RestorePlan, content: ContentSummary): Promise<string | null> {
    const { live, staged, old } = postgresPlan(plan);
    if ((await findDatabase(this.url, old)) === null) return 'the old database is not where it should be';
    if ((await findDatabase(this.url, staged)) !== null) return 'the staged database has not taken its place';
    const { migrations } = await this.threads.run('postgres.count', {
      url: databaseUrl(this.url, live),
      withoutTables: [],
    });
    return migrations.join() === content.migrations.join() ? null : 'its migrations are others';
  }

  async cleanUp(id: string): Promise<void> {
    const { proof, staged } = scratchNames(id);
    for (const name of [proof, staged]) await dropDatabase(this.url, name);
  }

  /** Fills an empty database from the parts. @throws BackupRefusedError when that does not give what was counted */
  private async load(
    url: string,
    folder: string,
    header: Pick<BackupHeader, 'format' | 'tables' | 'migrations' | 'logMigrations' | 'includesLogs'>,
  ): Promise<void> {
    if (header.format === 'pg-dump') {
      const programs = await this.anyPrograms();
      await this.threads.run('postgres.restore', { url, file: join(folder, ARCHIVE), programs });
    } else {
      await migrateTo({ type: 'postgres', url }, this.schema, header.migrations);
      const tables = header.tables.map(({ name }) => name);
      await this.threads.run('postgres.copy-in', { url, folder, tables });
    }
    const difference = differenceOf(header, await this.read(url, header));
    if (difference !== null) throw new BackupRefusedError('backup_content_mismatch', difference);
  }

  private async read(url: string, { includesLogs }: { includesLogs: boolean }): Promise<ContentSummary> {
    const withoutTables = includesLogs ? [] : this.logTables();
    const content: PostgresContent = await this.threads.run('postgres.count', { url, withoutTables });
    return { ...content, logMigrations: null };
  }

  private async inScratch(name: string, work: (url: string) => Promise<void>): Promise<void> {
    await createDatabase(this.url, name);
    try {
      await work(databaseUrl(this.url, name));
    } finally {
      await dropDatabase(this.url, name);
    }
  }

  /** Null: the built-in way, because there are none, or older ones than the server. */
  private async fittingPrograms(): Promise<PostgresPrograms | null> {
    const programs = await findPostgresPrograms(this.path);
    return programs !== null && programs.major >= (await databaseFacts(this.url)).major ? programs : null;
  }

  private async anyPrograms(): Promise<PostgresPrograms> {
    const programs = await findPostgresPrograms(this.path);
    if (programs !== null) return programs;
    throw new BackupFailedError(
      'pg_restore_missing',
      'This backup was made with pg_dump: it needs pg_restore of PostgreSQL on the PATH',
    );
  }

  private logTables(): string[] {
    const entities = this.schema.logs?.entities('postgres') ?? [];
    return entities.map(({ options: { tableName, name } }) => tableName ?? name);
  }
}

function postgresPlan(plan: RestorePlan): PostgresPlan {
  if (plan.type !== 'postgres') throw new Error('This restore is of a SQLite database');
  return plan;
}
