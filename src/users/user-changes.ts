import type { User } from '../auth/user.entity';

export type UserChanges = Record<string, unknown>;

const FIELDS = ['username', 'role', 'disabled', 'mustChangePassword'] as const;

/** What a change did, for the operation log; of the password only that there is a new one. Null when nothing changed. */
export function userChanges(before: User | null, after: User): UserChanges | null {
  const changes: UserChanges = {};
  for (const field of FIELDS) {
    if (before === null) changes[field] = { after: after[field] };
    else if (before[field] !== after[field]) changes[field] = { before: before[field], after: after[field] };
  }
  if (before !== null && before.passwordHash !== after.passwordHash) changes['replaced'] = ['password'];
  return Object.keys(changes).length > 0 ? changes : null;
}
