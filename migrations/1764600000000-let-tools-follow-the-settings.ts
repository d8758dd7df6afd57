import { type MigrationInterface, type QueryRunner } from 'typeorm';

const COLUMNS = [
  ['max_retries', 3],
  ['timeout_ms', 30_000],
] as const;

/** Tools that say nothing of retries and timeout follow the settings; what was copied into older rows stays theirs. */
export class LetToolsFollowTheSettings1764600000000 implements MigrationInterface {
  name = 'LetToolsFollowTheSettings1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const [name] of COLUMNS) await setNullable(runner, name, true);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [name, value] of COLUMNS) {
      await runner.query(`UPDATE tools SET ${name} = ${value} WHERE ${name} IS NULL`);
      await setNullable(runner, name, false);
    }
  }
}

async function setNullable(runner: QueryRunner, name: string, isNullable: boolean): Promise<void> {
  const column = (await runner.getTable('tools'))?.findColumnByName(name);
  if (!column) throw new Error(`The table tools has no column ${name}`);
  const changed = column.clone();
  changed.isNullable = isNullable;
  await runner.changeColumn('tools', column, changed);
}
