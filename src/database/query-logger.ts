import { Logger as NestLogger } from '@nestjs/common';
import type { Logger } from 'typeorm';

/** Longest part of a statement that is shown. */
const MAX_CHARACTERS = 500;

/**
 * TypeORM's log lines in ours, without the values: they may be secrets or whole messages. A statement that fails is the
 * business of who sent it (a taken name is no error of the system), so it is told at debug level only.
 */
export class QueryLogger implements Logger {
  private readonly logger = new NestLogger('Database');

  logQuery(query: string): void {
    this.logger.debug(shortened(query));
  }

  logQueryError(error: string | Error, query: string): void {
    this.logger.debug('A statement failed', { reason: String(error), query: shortened(query) });
  }

  logQuerySlow(time: number, query: string): void {
    this.logger.warn('A statement was slow', { ms: time, query: shortened(query) });
  }

  logSchemaBuild(message: string): void {
    this.logger.debug(message);
  }

  logMigration(message: string): void {
    this.logger.debug(message);
  }

  log(level: 'log' | 'info' | 'warn', message: unknown): void {
    if (level === 'warn') this.logger.warn(String(message));
    else this.logger.debug(String(message));
  }
}

function shortened(query: string): string {
  return query.length <= MAX_CHARACTERS ? query : `${query.slice(0, MAX_CHARACTERS)}...`;
}
