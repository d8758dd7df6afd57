import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { ValidationFailedError } from '../common/domain-error';
import { noteTarget } from '../common/request-context';
import { Transactions } from '../database/transactions';
import { GuessThrottle } from '../limits/guess-throttle';
import { CurrentPasswordWrongError } from './auth.errors';
import type { Client } from './client';
import { FirstPasswordFile } from './first-password-file';
import { PasswordHasher } from './password-hasher';
import { Passwords } from './passwords';
import type { Principal } from './principal';
import { PrincipalRevocations } from './principal-revocations';
import { SessionRepository } from './session.repository';
import type { User } from './user.entity';
import { UserRepository } from './user.repository';

/** Users change their own passwords. */
@Injectable()
export class PasswordService {
  constructor(
    private readonly users: UserRepository,
    private readonly sessions: SessionRepository,
    private readonly hasher: PasswordHasher,
    private readonly passwords: Passwords,
    private readonly throttle: GuessThrottle,
    private readonly firstPassword: FirstPasswordFile,
    private readonly revocations: PrincipalRevocations,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * Ends all other sessions of the user.
   * @throws CurrentPasswordWrongError; TooManyAttemptsError: a stolen access token is no way around the throttle of logins
   * @throws ValidationFailedError
   */
  async change(principal: Principal, currentPassword: string, newPassword: string, client: Client): Promise<void> {
    noteTarget({ type: 'user', id: principal.id, name: principal.name });
    const user = await this.throttle.attempt(principal.name, client.ip, () => this.verify(principal, currentPassword));
    if (user === null) throw new CurrentPasswordWrongError();
    if (newPassword === currentPassword) {
      throw new ValidationFailedError([{ path: 'newPassword', message: 'must differ from the current one' }]);
    }
    const passwordHash = await this.passwords.accept(newPassword, user.username, 'newPassword');
    const ended = await this.transactions.run(async (tx) => {
      const now = await this.users.lock(user.id, tx);
      if (now?.passwordHash !== user.passwordHash) throw new CurrentPasswordWrongError();
      await this.users.setPassword(user.id, passwordHash, this.clock.now(), tx);
      const others = await this.sessions.endOthers(user.id, principal.sessionId, tx);
      await this.operations.append({ action: 'auth.password', outcome: 'success', status: 204 }, tx);
      return others;
    });
    this.revocations.announce(ended.map((id) => ({ type: 'session', id })));
    this.firstPassword.removeIfIts(currentPassword);
  }

  private async verify(principal: Principal, password: string): Promise<User | null> {
    const user = await this.users.findById(principal.id);
    const matches = await this.hasher.verify(user?.passwordHash ?? null, password);
    return matches ? user : null;
  }
}
