import { DomainError } from '../common/domain-error';
import type { DamageKind, FileDamage } from './file-watch';

const WHAT: Readonly<Record<DamageKind, string>> = {
  deleted: 'was deleted',
  replaced: 'was replaced by another one',
  truncated: 'was truncated',
};

/** 503: the file under our hands is not the database any more; what would be written is refused, because it would be lost. */
export class DatabaseDamagedError extends DomainError {
  constructor({ what }: FileDamage) {
    super('unavailable', 'database_damaged', `${damageText(what)}; nothing is written any more. ${DAMAGE_HINT}`, {
      retryAfterSeconds: 60,
    });
  }
}

/** A sentence without its end. */
export function damageText(what: DamageKind): string {
  return `The database file ${WHAT[what]} while it was in use`;
}

export const DAMAGE_HINT =
  'Stop MCPS.ONE, put the file back or restore a backup (npm run backup:restore), and start it again.';

/** Statements that change something, or are about to. */
const WRITES = /^\s*(?:INSERT|UPDATE|DELETE|REPLACE|BEGIN|SAVEPOINT|CREATE|ALTER|DROP)\b/i;

/** Stands before every statement of the one SQLite connection; shut when its file is damaged. */
export class WriteGate {
  damage: FileDamage | null = null;

  /** @throws DatabaseDamagedError */
  assertAllows(sql: string): void {
    if (this.damage !== null && WRITES.test(sql)) throw new DatabaseDamagedError(this.damage);
  }
}
