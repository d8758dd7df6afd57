#!/usr/bin/env node
import 'reflect-metadata';
// In this order: see start-memory.ts.
import '@nestjs/core';
import { settleMemory } from './start-memory';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { prepareFolders } from './app.folders';
import { createApp } from './app.setup';
import { FirstPasswordFile } from './auth/first-password-file';
import { AppLogger } from './common/app-logger';
import { DomainError, messageOf } from './common/domain-error';
import { LogFile } from './common/log-file';
import { consoleSink } from './common/log-sinks';
import { StartError } from './common/start-error';
import { VERSION } from './common/version';
import type { AppConfig } from './config/app-config';
import { loadConfig } from './config/load-config';
import { DataLockedError } from './database/instance-lock';
import { SchemaNewerError } from './database/migration-runner';
import { IsolationUnavailableError } from './supervisor/isolation';
import { SupervisorService } from './supervisor/supervisor.service';

/** Promised to service managers: see README, troubleshooting. */
const EXIT = { configuration: 1, portInUse: 3, locked: 4, schemaNewer: 5 } as const;
const LOCAL_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);
/** A shutdown that takes longer is cut off. */
const SHUTDOWN_LIMIT_MS = 25_000;

const HELP = `MCPS.ONE ${VERSION}: manages, supervises and monitors MCP servers.

Usage: mcps-one [--help | --version]

It takes its settings from environment variables and from the file .env in the working
directory; .env.example lists and explains all of them. Without any it listens on
http://127.0.0.1:8000 and keeps its data in ./data.

Exit codes: 0 stopped, 1 configuration or error, 3 port in use, 4 data locked by
another instance, 5 database newer than this program.
`;

async function main(args: string[]): Promise<void> {
  const [first] = args;
  if (first === '--help' || first === '-h') process.stdout.write(HELP);
  else if (first === '--version' || first === '-v') process.stdout.write(`${VERSION}\n`);
  else if (first !== undefined) fail(EXIT.configuration, `Unknown argument ${first}; see --help`);
  else await serve();
}

async function serve(): Promise<void> {
  // Whatever we write (database, logs, run records) is for us alone.
  process.umask(0o077);
  let config: AppConfig;
  try {
    config = loadConfig();
    prepareFolders(config);
  } catch (error) {
    fail(EXIT.configuration, messageOf(error));
    return;
  }
  await run(config);
}

async function run(config: AppConfig): Promise<void> {
  const logger = new AppLogger(config.debug ? 'debug' : config.logLevel);
  const format = { json: config.environment === 'production' };
  const file = new LogFile(config.logFile, format);
  logger.addSink(consoleSink(format));
  logger.addSink(file.write);
  // Until the application is there to be closed, there is nothing to lose.
  const quit = () => process.exit(0);
  process.once('SIGTERM', quit).once('SIGINT', quit);
  try {
    const app = await createApp(config, logger);
    process.off('SIGTERM', quit).off('SIGINT', quit);
    stopOnSignals(app, logger, file);
    await listen(app, config);
    settleMemory();
    announce(app, config, logger);
  } catch (error) {
    const code = exitCodeOf(error);
    // What the operator has to mend is said in one line; a stack trace is for what we have to mend.
    const expected =
      error instanceof StartError || error instanceof DomainError || error instanceof IsolationUnavailableError;
    if (!expected) logger.fatal(error instanceof Error ? error : messageOf(error), 'Main');
    await file.close();
    fail(code, messageOf(error));
  }
}

async function listen(app: NestFastifyApplication, config: AppConfig): Promise<void> {
  try {
    await app.listen(config.port, config.host);
  } catch (error) {
    await app.close();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new PortInUseError(config);
    throw error;
  }
}

class PortInUseError extends StartError {
  constructor({ host, port }: AppConfig) {
    super(`Port ${port} on ${host} is in use by another program. Stop that one, or set PORT.`);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof PortInUseError) return EXIT.portInUse;
  if (error instanceof DataLockedError) return EXIT.locked;
  return error instanceof SchemaNewerError ? EXIT.schemaNewer : EXIT.configuration;
}

function announce(app: NestFastifyApplication, config: AppConfig, logger: AppLogger): void {
  const address = app.getHttpServer().address() as { port: number } | null;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const url = `http://${host}:${address?.port ?? config.port}`;
  logger.log(`${config.projectName} ${VERSION} is listening on ${url}`, 'Main');
  logger.log(`API documentation: ${url}/docs and ${url}/redoc`, 'Main');
  if (
    /^(0\.0\.0\.0|\[::\])$/.test(host) &&
    config.allowedHosts.every((name) => LOCAL_NAMES.has(name) || name === host)
  ) {
    logger.warn(
      'Only local names are accepted as Host; set ALLOWED_HOSTS to the names and addresses it is called by',
      'Main',
    );
  }
  const password = app.get(FirstPasswordFile);
  if (password.exists()) logger.log(`First login: user ${config.adminUsername}, password in ${password.path}`, 'Main');
}

/**
 * The first signal stops everything in order, the second kills the children at once. Our own handlers: the framework's
 * would end the process by the signal itself, and service managers would take that for a failure.
 */
function stopOnSignals(app: NestFastifyApplication, logger: AppLogger, file: LogFile): void {
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) {
      app.get(SupervisorService).killAll();
      return;
    }
    stopping = true;
    logger.log(`Stopping on ${signal}`, 'Main');
    setTimeout(() => fail(EXIT.configuration, 'The shutdown took too long and was cut off'), SHUTDOWN_LIMIT_MS).unref();
    void app
      .close()
      .then(() => file.close())
      .then(
        () => process.exit(0),
        (error: unknown) => fail(EXIT.configuration, `The shutdown failed: ${messageOf(error)}`),
      );
  };
  process.stderr.on('error', () => undefined);
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  const crash = (error: unknown): void => {
    logger.fatal(error instanceof Error ? error : messageOf(error), 'Main');
    app.get(SupervisorService).killAll();
    void file.close().then(() => fail(EXIT.configuration, `An unexpected error: ${messageOf(error)}`));
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

function fail(code: number, message: string): void {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

void main(process.argv.slice(2));
