import { copyFileSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { type DataSource, type MigrationInterface, type QueryRunner, Table, TableColumn } from 'typeorm';
import { describeOn } from '../../test/support/describe-on';
import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { SCHEMA } from '../app.schema';
import { createDataSource, type Schema } from './data-source';
import { migrate, readMigrationState, SchemaNewerError } from './migration-runner';

class CreateNotes1700000000000 implements MigrationInterface {
  name = 'CreateNotes1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(new Table({ name: 'notes', columns: [{ name: 'body', type: 'varchar' }] }));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('notes');
  }
}

class AddColour1700000001000 implements MigrationInterface {
  name = 'AddColour1700000001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumn('notes', new TableColumn({ name: 'colour', type: 'varchar', isNullable: true }));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('notes', 'colour');
  }
}

class FailHalfway1700000002000 implements MigrationInterface {
  name = 'FailHalfway1700000002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(new Table({ name: 'half', columns: [{ name: 'body', type: 'varchar' }] }));
    await runner.query("UPDATE notes SET body = 'changed'");
    throw new Error('deliberate');
  }

  async down(): Promise<void> {
    // Never gets that far.
  }
}

const V1: Schema = { entities: [], migrations: [CreateNotes1700000000000] };
const V2: Schema = { entities: [], migrations: [CreateNotes1700000000000, AddColour1700000001000] };
const BROKEN: Schema = { entities: [], migrations: [...V2.migrations, FailHalfway1700000002000] };

const opened: { drop(): Promise<void> }[] = [];

async function aDatabase(schema: Schema): Promise<MigratedDatabase> {
  const db = await createMigratedDatabase(schema);
  opened.unshift(db);
  return db;
}

/** The same database as another version of the program opens it. */
async function openAs(schema: Schema, db: MigratedDatabase): Promise<DataSource> {
  const dataSource = await createDataSource(db.target, schema).initialize();
  opened.unshift({ drop: () => dataSource.destroy() });
  return dataSource;
}

async function columnsOf(dataSource: DataSource, table: string): Promise<string[] | null> {
  const runner = dataSource.createQueryRunner();
  try {
    return (await runner.getTable(table))?.columns.map(({ name }) => name) ?? null;
  } finally {
    await runner.release();
  }
}

const bodies = async (dataSource: DataSource): Promise<string[]> =>
  (await dataSource.query<{ body: string }[]>('SELECT body FROM notes')).map(({ body }) => body);

afterEach(async () => {
  for (const one of opened.splice(0)) await one.drop();
});

describe('the migrations of the application', () => {
  it('make of an empty database exactly what the entities describe', async () => {
    const { dataSource } = await aDatabase(SCHEMA);
    expect(await readMigrationState(dataSource)).toEqual({ applied: SCHEMA.migrations.length, pending: [] });
    const differences = await dataSource.driver.createSchemaBuilder().log();
    expect(differences.upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('can be undone to the last table and applied again', async () => {
    const { dataSource, target } = await aDatabase(SCHEMA);
    for (const _ of SCHEMA.migrations) await dataSource.undoLastMigration();
    for (const { tableName } of dataSource.entityMetadatas) expect(await columnsOf(dataSource, tableName)).toBeNull();
    expect((await migrate(dataSource, target)).applied).toHaveLength(SCHEMA.migrations.length);
    expect((await dataSource.driver.createSchemaBuilder().log()).upQueries).toEqual([]);
  });
});

describe('a migration', () => {
  it('adds what a new version brings and keeps what is there', async () => {
    const db = await aDatabase(V1);
    await db.dataSource.query("INSERT INTO notes (body) VALUES ('kept')");
    const newer = await openAs(V2, db);
    expect(await readMigrationState(newer)).toEqual({ applied: 1, pending: ['AddColour1700000001000'] });
    expect((await migrate(newer, db.target)).applied).toEqual(['AddColour1700000001000']);
    expect(await columnsOf(newer, 'notes')).toEqual(['body', 'colour']);
    expect(await bodies(newer)).toEqual(['kept']);
  });

  it('is applied once', async () => {
    const db = await aDatabase(V2);
    expect(await migrate(db.dataSource, db.target)).toEqual({ applied: [], copy: null });
  });

  it('that fails takes everything back that was pending with it', async () => {
    const db = await aDatabase(V1);
    await db.dataSource.query("INSERT INTO notes (body) VALUES ('kept')");
    const broken = await openAs(BROKEN, db);
    await expect(migrate(broken, db.target)).rejects.toThrow('deliberate');
    expect(await columnsOf(db.dataSource, 'notes')).toEqual(['body']);
    expect(await columnsOf(db.dataSource, 'half')).toBeNull();
    expect(await bodies(db.dataSource)).toEqual(['kept']);
    expect((await migrate(await openAs(V2, db), db.target)).applied).toEqual(['AddColour1700000001000']);
  });

  it('of a newer version makes an older one refuse the database and leave it alone', async () => {
    const db = await aDatabase(V2);
    const older = await openAs(V1, db);
    await expect(migrate(older, db.target)).rejects.toThrow(SchemaNewerError);
    await expect(readMigrationState(older)).rejects.toMatchObject({
      unknownMigrations: ['AddColour1700000001000'],
      message: expect.stringMatching(/newer than this program .*AddColour1700000001000.*Start the newer version/),
    });
    expect(await columnsOf(db.dataSource, 'notes')).toEqual(['body', 'colour']);
  });
});

describeOn('postgres', 'several instances on one PostgreSQL', () => {
  it('take turns: each migration is applied by one of them', async () => {
    const db = await aDatabase(V1);
    const instances = await Promise.all([1, 2, 3, 4].map(() => openAs(V2, db)));
    const results = await Promise.all(instances.map((instance) => migrate(instance, db.target)));
    expect(results.flatMap(({ applied }) => applied)).toEqual(['AddColour1700000001000']);
  });

  it('do not stand in each other way after a migration that failed', async () => {
    const db = await aDatabase(V1);
    await expect(migrate(await openAs(BROKEN, db), db.target)).rejects.toThrow('deliberate');
    expect((await migrate(await openAs(V2, db), db.target)).applied).toHaveLength(1);
  });
});

describeOn('sqlite', 'the copy of a SQLite database before its migration', () => {
  const fileOf = ({ target }: MigratedDatabase): string => (target.type === 'sqlite' ? target.file : '');
  const readFrom = (file: string, pragma: string): unknown => {
    const copy = new BetterSqlite3(file, { readonly: true });
    try {
      return pragma === '' ? copy.prepare('SELECT * FROM notes').all() : copy.pragma(pragma, { simple: true });
    } finally {
      copy.close();
    }
  };

  it('is whole, with what had not reached the file itself yet, and as it was before', async () => {
    const db = await aDatabase(V1);
    await db.dataSource.query('PRAGMA wal_checkpoint(TRUNCATE)');
    await db.dataSource.query("INSERT INTO notes (body) VALUES ('only in the WAL')");
    const fileAlone = `${fileOf(db)}.alone`;
    copyFileSync(fileOf(db), fileAlone);
    expect(readFrom(fileAlone, '')).toEqual([]);
    const newer = await openAs(V2, db);
    const { copy } = await migrate(newer, db.target);
    expect(copy).toBe(`${fileOf(db)}.before-migration-2`);
    expect(readFrom(copy ?? '', '')).toEqual([{ body: 'only in the WAL' }]);
    expect(readFrom(copy ?? '', 'integrity_check')).toBe('ok');
  });

  it('is not made of a new database, nor where nothing is to migrate', async () => {
    const db = await aDatabase(V2);
    await migrate(db.dataSource, db.target);
    expect(readdirSync(dirname(fileOf(db))).filter((name) => name.includes('before'))).toEqual([]);
  });

  it('is there when the migration fails, and never written over', async () => {
    const db = await aDatabase(V1);
    for (let attempt = 1; attempt <= 2; attempt++) {
      await expect(migrate(await openAs(BROKEN, db), db.target)).rejects.toThrow('deliberate');
    }
    const copies = readdirSync(dirname(fileOf(db))).filter((name) => name.includes('before'));
    expect(copies.sort()).toEqual(['mcps.db.before-migration-2', 'mcps.db.before-migration-2.2']);
  });
});
