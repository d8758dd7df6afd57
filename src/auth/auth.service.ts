import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { ValidationFailedError } from '../common/domain-error';
import { newId } from '../common/ids';
import { currentRequest, noteTarget } from '../common/request-context';
import { Transactions } from '../database/transactions';
import { AccessTokens } from './access-tokens';
import { toPrincipalView, type TokenView } from './auth.dto';
import { CurrentPasswordWrongError, InvalidCredentialsError } from './auth.errors';
import { FirstPasswordFile } from './first-password-file';
import { PasswordHasher } from './password-hasher';
import { type Principal, principalOf } from './principal';
import { Session } from './session.entity';
import { SessionRepository } from './session.repository';
import type { User } from './user.entity';
import { UserRepository } from './user.repository';

/** A login lasts this long at most, in milliseconds (ASVS 7.3: an absolute limit). */
const SESSION_LIFETIME_MS = 30 * 24 * 3600_000;

/** Logins and passwords. */
@Injectable()
export class AuthService {
  constructor(
    private readonly users: UserRepository,
    private readonly sessions: SessionRepository,
    private readonly hasher: PasswordHasher,
    private readonly tokens: AccessTokens,
    private readonly firstPassword: FirstPasswordFile,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /** @throws InvalidCredentialsError, the same in content and time whether the name exists or not */
  async login(username: string, password: string, userAgent: string | undefined): Promise<TokenView> {
    noteTarget({ type: 'user', id: null, name: username });
    const user = await this.users.findByUsername(username);
    const matches = await this.hasher.verify(user?.passwordHash ?? null, password);
    if (user === null || !matches || user.disabled) throw new InvalidCredentialsError();
    const session = this.newSession(user, userAgent);
    await this.transactions.run(async (tx) => {
      await this.sessions.open(session, tx);
      await this.operations.append(
        {
          action: 'auth.login',
          outcome: 'success',
          status: 200,
          actor: { type: 'user', id: user.id, name: user.username },
          target: { type: 'user', id: user.id, name: user.username },
        },
        tx,
      );
    });
    return {
      accessToken: await this.tokens.issue(user.id, session.id),
      tokenType: 'Bearer',
      expiresIn: this.tokens.lifetimeSeconds,
      user: toPrincipalView(principalOf(user, session.id)),
    };
  }

  /** Ends all other sessions of the user. @throws CurrentPasswordWrongError, ValidationFailedError */
  async changePassword(principal: Principal, currentPassword: string, newPassword: string): Promise<void> {
    noteTarget({ type: 'user', id: principal.id, name: principal.name });
    const user = await this.users.findById(principal.id);
    if (user === null || !(await this.hasher.verify(user.passwordHash, currentPassword))) {
      throw new CurrentPasswordWrongError();
    }
    if (newPassword === currentPassword) {
      throw new ValidationFailedError([{ path: 'newPassword', message: 'must differ from the current one' }]);
    }
    const passwordHash = await this.hasher.hash(newPassword);
    await this.transactions.run(async (tx) => {
      await this.users.setPassword(user.id, passwordHash, this.clock.now(), tx);
      await this.sessions.endOthers(user.id, principal.sessionId, tx);
      await this.operations.append({ action: 'auth.password', outcome: 'success', status: 204 }, tx);
    });
    if (user.mustChangePassword) this.firstPassword.remove();
  }

  private newSession(user: User, userAgent: string | undefined): Session {
    const now = this.clock.now();
    return Object.assign(new Session(), {
      id: newId(),
      userId: user.id,
      createdAt: now,
      lastUsedAt: now,
      expiresAt: now + SESSION_LIFETIME_MS,
      ip: currentRequest()?.ip ?? null,
      userAgent: userAgent?.slice(0, 300) ?? null,
    });
  }
}
