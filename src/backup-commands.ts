#!/usr/bin/env node
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { SCHEMA } from './app.schema';
import { OfflineBackups } from './backup/offline-commands';
import { messageOf } from './common/domain-error';
import { loadConfig } from './config/load-config';
import { DataLockedError } from './database/instance-lock';
import { SchemaNewerError } from './database/migration-runner';

/** The same as those of the program itself. */
const EXIT = { failed: 1, locked: 4, schemaNewer: 5 } as const;

const COMMON = `Settings are read as MCPS.ONE reads them (environment and .env). MCPS.ONE must be stopped.
Exit codes: 0 done, 1 refused or failed, 4 data in use, 5 database newer than this program.
`;

const HELP: Record<string, string> = {
  create: `Makes a backup of the stored data into BACKUP_DIR, and proves it.

Usage: npm run backup:create [-- "a note" | --help]

The service lists it at its next start.

${COMMON}`,
  verify: `Opens a backup file and proves what is in it: seal, checksums, integrity, every count.

Usage: npm run backup:verify -- FILE [--help]

FILE may be anywhere. Nothing of the stored data is touched.

${COMMON}`,
  restore: `Puts a backup into the place of the stored data. Also where the service can't start.

Usage: npm run backup:restore -- FILE [--adopt] [--help]

  FILE      a backup file (.mcpsbak), anywhere
  --adopt   the SECRET_KEY that the backup was made under is lost: takes the backup with the
            present one. Only for a backup that is not encrypted. Values that the lost key
            had sealed can't be read: give them anew.
  --help    shows this

The backup is opened, proven and brought up to date in a copy first. What is stored now
becomes a safety backup; damaged SQLite files are set aside. Then all of the data is replaced,
or nothing: after a failure, and after a kill with the next start, it is as it was. Everyone
has to log in again.

${COMMON}`,
};

async function main([command = '', ...args]: string[]): Promise<void> {
  const help = HELP[command];
  if (help === undefined) {
    fail(EXIT.failed, 'Say what: create, verify or restore');
    return;
  }
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(help);
    return;
  }
  const flags = args.filter((argument) => argument.startsWith('-'));
  const words = args.filter((argument) => !argument.startsWith('-'));
  const unknown = flags.find((flag) => !(command === 'restore' && flag === '--adopt'));
  if (unknown !== undefined || words.length > 1 || (command !== 'create' && words.length === 0)) {
    fail(EXIT.failed, unknown === undefined ? `Name one file; see --help` : `Unknown argument ${unknown}; see --help`);
    return;
  }
  process.umask(0o077);
  Logger.overrideLogger(false);
  try {
    await run(command, words[0] ?? null, flags.includes('--adopt'));
  } catch (error) {
    const code = error instanceof DataLockedError ? EXIT.locked : EXIT.failed;
    fail(error instanceof SchemaNewerError ? EXIT.schemaNewer : code, `Nothing was changed. ${messageOf(error)}`);
  }
}

async function run(command: string, word: string | null, adopt: boolean): Promise<void> {
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  await OfflineBackups.with(loadConfig(), SCHEMA, say, async (offline) => {
    if (command === 'create') {
      const { id, sizeBytes, durationMs } = await offline.create(word);
      say(`The backup ${id} was made and proven: ${sizeBytes ?? 0} bytes, ${durationMs ?? 0} ms.`);
    } else if (command === 'verify') {
      const { header, sizeBytes } = await offline.verify(word ?? '');
      const rows = header.tables.reduce((sum, table) => sum + table.rows, 0);
      say(
        `The backup ${header.id} of ${new Date(header.createdAt).toISOString()} is sound: ${sizeBytes} bytes, ${rows} rows.`,
      );
    } else {
      const { header, safetyBackupId, setAside, facts } = await offline.restore(word ?? '', { adopt });
      say(`The backup ${header.id} of ${new Date(header.createdAt).toISOString()} is what is stored now.`);
      if (facts.migrationsApplied.length > 0) say(`It was brought up to date: ${facts.migrationsApplied.join(', ')}.`);
      if (facts.formerKeyId !== null)
        say(`It was made under another SECRET_KEY (${facts.formerKeyId}); it has the present one now.`);
      if (safetyBackupId !== '') say(`What was stored before is the backup ${safetyBackupId}.`);
      for (const file of setAside) say(`What was damaged, or not there, was set aside: ${file}`);
      say('Everyone has to log in again.');
    }
  });
}

function fail(code: number, message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = code;
}

void main(process.argv.slice(2));
