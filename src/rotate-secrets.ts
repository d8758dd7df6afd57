#!/usr/bin/env node
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { KeyFileUnfinishedError, rotateSecrets, type RotationReport } from './app.rotation';
import { messageOf } from './common/domain-error';
import { loadConfig } from './config/load-config';
import { DataLockedError } from './database/instance-lock';
import { SchemaNewerError } from './database/migration-runner';

/** The same as those of the program itself. */
const EXIT = { failed: 1, locked: 4, schemaNewer: 5 } as const;

const HELP = `Changes the SECRET_KEY that the stored data belongs to. MCPS.ONE must be stopped.

Usage: npm run secrets:rotate [-- --dry-run | --adopt | --help]

  With a key of your own     SECRET_KEY is the new key, SECRET_KEY_OLD the key until now.
                             Without SECRET_KEY_OLD, DATA_DIR/secret-key is taken for it.
  With a generated key       set neither: a new one is generated into DATA_DIR/secret-key,
                             and the one until now is kept in DATA_DIR/secret-key.old.

  --dry-run   does all of it and takes it back
  --adopt     the former key is lost: takes SECRET_KEY (or DATA_DIR/secret-key) as it is.
              Values sealed with the lost key stay as they are and can't be read; give them
              anew. The older rows of the operation log can't be checked any more.
  --help      shows this

All values of env and headers are sealed anew in one transaction, and each is read back
before it is committed: after any failure everything is as it was. Rows of the operation
log stay as they are and can still be checked. Everyone has to log in again.

Settings are read as MCPS.ONE reads them (environment and .env). Exit codes: 0 done,
1 refused or failed, 4 data in use, 5 database newer than this program.
`;

async function main(args: string[]): Promise<void> {
  const unknown = args.find((argument) => !['--dry-run', '--adopt', '--help', '-h'].includes(argument));
  if (unknown !== undefined) {
    fail(EXIT.failed, `Unknown argument ${unknown}; see --help`);
    return;
  }
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  process.umask(0o077);
  Logger.overrideLogger(false);
  const options = { dryRun: args.includes('--dry-run'), adopt: args.includes('--adopt') };
  try {
    process.stdout.write(`${summaryOf(await rotateSecrets(loadConfig(), options)).join('\n')}\n`);
  } catch (error) {
    const code = error instanceof DataLockedError ? EXIT.locked : EXIT.failed;
    const message =
      error instanceof KeyFileUnfinishedError ? error.message : `Nothing was changed. ${messageOf(error)}`;
    fail(error instanceof SchemaNewerError ? EXIT.schemaNewer : code, message);
  }
}

function summaryOf(report: RotationReport): string[] {
  const { fromKeyId, toKeyId, values, files } = report;
  const change = `${values} stored value(s), key id ${fromKeyId} -> ${toKeyId}`;
  switch (report.outcome) {
    case 'already-done':
      return [`The database belongs to this key already (key id ${toKeyId}): nothing to do.`];
    case 'finished':
      return [`A change of keys that was interrupted is finished (key id ${toKeyId}).`, ...where(files)];
    case 'dry-run':
      return [`Dry run: ${change} would be sealed anew. Nothing was changed.`, chainLine(report)];
    case 'adopted':
      return [
        `The key ${toKeyId} was adopted in the place of ${fromKeyId}, which is lost.`,
        'Values that it had sealed can not be read: give them anew.',
        chainLine(report),
      ];
    case 'rotated':
      return [
        `Sealed anew: ${change}.`,
        chainLine(report),
        ...where(files),
        'Everyone has to log in again. Take a new backup: older ones need the former key.',
      ];
  }
}

function where(files: RotationReport['files']): string[] {
  if (files === null) return ['SECRET_KEY_OLD is not needed any more: remove it.'];
  return [`The key is in ${files.key}; the former one, which older backups need, in ${files.former}.`];
}

function chainLine({ chain }: RotationReport): string {
  const { checked, unverifiable, firstBroken } = chain;
  if (firstBroken !== null) {
    return `WARNING: the operation log is broken at row ${firstBroken.seq} (${new Date(firstBroken.at).toISOString()}); it was so before.`;
  }
  const lost = unverifiable === 0 ? '' : `, ${unverifiable} of them in their order alone: their key is lost`;
  return `The operation log is in order: ${checked} row(s) checked${lost}.`;
}

function fail(code: number, message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = code;
}

void main(process.argv.slice(2));
