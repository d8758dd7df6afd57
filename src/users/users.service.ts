import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Passwords } from '../auth/passwords';
import type { Principal } from '../auth/principal';
import { PrincipalRevocations } from '../auth/principal-revocations';
import { SessionRepository } from '../auth/session.repository';
import { User } from '../auth/user.entity';
import { UserRepository } from '../auth/user.repository';
import { Clock } from '../common/clock';
import { requireMatch } from '../common/etag';
import { isId, newId } from '../common/ids';
import type { PageQuery } from '../common/page.dto';
import { decodeCursor, encodeCursor, toPage } from '../common/pagination';
import { noteTarget } from '../common/request-context';
import { Transactions, type Tx } from '../database/transactions';
import { type UserChanges, userChanges } from './user-changes';
import { toUserView, type UserPageView, type UserPatchRequest, type UserRequest, type UserView } from './users.dto';
import { LastAdminError, OwnPasswordError, UsernameTakenError, UserNotFoundError } from './users.errors';

const CURSOR = 'users';

/**
 * Who is a user, and as what. There is always an administrator who can log in; a change that takes rights away ends the
 * user's sessions with it.
 */
@Injectable()
export class UsersService {
  constructor(
    private readonly users: UserRepository,
    private readonly sessions: SessionRepository,
    private readonly passwords: Passwords,
    private readonly revocations: PrincipalRevocations,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  async list({ limit, cursor }: PageQuery): Promise<UserPageView> {
    const after = cursor === undefined ? null : decodeCursor(CURSOR, cursor, 'string');
    const [rows, total] = await Promise.all([this.users.list({ after, limit }), this.users.count()]);
    const { items, nextCursor } = toPage(rows, limit, ({ id }) => encodeCursor(CURSOR, id));
    return { items: items.map(toUserView), nextCursor, total };
  }

  /** @throws UserNotFoundError */
  async get(id: string): Promise<UserView> {
    return toUserView(known(isId(id) ? await this.users.findById(id) : null));
  }

  /** @throws ValidationFailedError, UsernameTakenError */
  async create(request: UserRequest): Promise<UserView> {
    const { username, password, role, disabled = false, mustChangePassword = false } = request;
    noteTarget({ type: 'user', id: null, name: username });
    const passwordHash = await this.passwords.accept(password, username, 'password');
    const now = this.clock.now();
    const fields = { username, passwordHash, role, disabled, mustChangePassword };
    const user = Object.assign(new User(), fields, { id: newId(), version: 1, createdAt: now, updatedAt: now });
    await this.transactions.run(async (tx) => {
      await this.users.takeTurns(tx);
      await this.requireFreeName(user, null, tx);
      await this.users.insert(user, tx);
      await this.record('user.create', user, userChanges(null, user), tx);
    });
    return toUserView(user);
  }

  /** @throws UserNotFoundError, PreconditionFailedError, ValidationFailedError, UsernameTakenError, LastAdminError, OwnPasswordError */
  async patch(caller: Principal, id: string, patch: UserPatchRequest, ifMatch?: string): Promise<UserView> {
    const seen = known(isId(id) ? await this.users.findById(id) : null);
    noteTarget({ type: 'user', id, name: seen.username });
    const { password, ...plain } = patch;
    if (password !== undefined && caller.id === id) throw new OwnPasswordError();
    const name = patch.username ?? seen.username;
    const passwordHash = password === undefined ? null : await this.passwords.accept(password, name, 'password');
    const { changed, ended } = await this.transactions.run(async (tx) => {
      const before = await this.take(id, ifMatch, tx);
      const after = Object.assign(new User(), before, given(plain), passwordHash === null ? {} : { passwordHash });
      const changes = userChanges(before, after);
      if (changes === null) return { changed: before, ended: null };
      Object.assign(after, { version: before.version + 1, updatedAt: this.clock.now() });
      if (after.username !== before.username) await this.requireFreeName(after, id, tx);
      await this.requireAdminLeft(before, after, tx);
      await this.users.update(after, tx);
      const sessions = endsSessions(before, after) ? await this.sessions.endOthers(id, null, tx) : null;
      await this.record('user.update', after, changes, tx);
      return { changed: after, ended: sessions };
    });
    if (ended !== null) this.revoke(id, ended);
    return toUserView(changed);
  }

  /** @throws UserNotFoundError, PreconditionFailedError, LastAdminError */
  async remove(id: string, ifMatch?: string): Promise<void> {
    if (!isId(id)) throw new UserNotFoundError();
    noteTarget({ type: 'user', id, name: null });
    const ended = await this.transactions.run(async (tx) => {
      const user = await this.take(id, ifMatch, tx);
      await this.requireAdminLeft(user, null, tx);
      await this.users.remove(id, tx);
      const sessions = await this.sessions.endOthers(id, null, tx);
      await this.record('user.delete', user, null, tx);
      return sessions;
    });
    this.revoke(id, ended);
  }

  /** The user as it stands when nobody else can change it. */
  private async take(id: string, ifMatch: string | undefined, tx: Tx): Promise<User> {
    await this.users.takeTurns(tx);
    const user = known(await this.users.lock(id, tx));
    noteTarget({ type: 'user', id, name: user.username });
    requireMatch(ifMatch, user.version);
    return user;
  }

  private async requireFreeName({ username }: User, id: string | null, tx: Tx): Promise<void> {
    if (await this.users.isNameTaken(username, id, tx)) throw new UsernameTakenError(username);
  }

  /** In the same turn as the change: of two administrators who demote each other at once, the second one is refused. */
  private async requireAdminLeft(before: User, after: User | null, tx: Tx): Promise<void> {
    if (!isAdmin(before) || (after !== null && isAdmin(after))) return;
    if ((await this.users.countOtherAdmins(before.id, tx)) === 0) throw new LastAdminError();
  }

  private revoke(id: string, sessions: readonly string[]): void {
    this.revocations.announce([
      { type: 'user', id },
      ...sessions.map((ended) => ({ type: 'session' as const, id: ended })),
    ]);
  }

  private record(action: string, user: User, changes: UserChanges | null, tx: Tx): Promise<void> {
    const target = { type: 'user', id: user.id, name: user.username };
    return this.operations.append({ action, outcome: 'success', target, changes }, tx);
  }
}

/** @throws UserNotFoundError */
function known(user: User | null): User {
  if (user === null) throw new UserNotFoundError();
  return user;
}

function isAdmin({ role, disabled }: User): boolean {
  return role === 'admin' && !disabled;
}

function endsSessions(before: User, after: User): boolean {
  return after.disabled || after.role !== before.role || after.passwordHash !== before.passwordHash;
}

/** Without the fields that were left out: a class has them all, undefined. */
function given<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
