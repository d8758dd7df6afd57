/** See killed-migration.ts: migrates a database and kills itself (SIGKILL) before a certain statement, or tells how many there are. */
import { Logger } from '@nestjs/common';
import type { QueryRunner } from 'typeorm';
import { SCHEMA } from '../../src/app.schema';
import type { DatabaseTarget } from '../../src/config/database-url';
import { createDataSource } from '../../src/database/data-source';
import { migrate } from '../../src/database/migration-runner';

const { target, killAt } = JSON.parse(process.argv[2] ?? '') as { target: DatabaseTarget; killAt: number };

async function run(): Promise<void> {
  Logger.overrideLogger(false);
  const dataSource = await createDataSource(target, SCHEMA).initialize();
  let statements = 0;
  const create = dataSource.createQueryRunner.bind(dataSource);
  dataSource.createQueryRunner = (...args) => {
    const runner: QueryRunner = create(...args);
    const query = runner.query.bind(runner) as (...given: unknown[]) => Promise<unknown>;
    return Object.assign(runner, {
      query: (...given: unknown[]) => {
        statements += 1;
        if (statements === killAt) process.kill(process.pid, 'SIGKILL');
        return query(...given);
      },
    });
  };
  await migrate(dataSource, target);
  await dataSource.destroy();
  process.stdout.write(`${statements}\n`);
}

void run();
