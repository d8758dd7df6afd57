import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { noteTarget } from '../common/request-context';
import { Transactions } from '../database/transactions';
import { GuessThrottle } from '../limits/guess-throttle';
import { InvalidCredentialsError } from './auth.errors';
import type { Client } from './client';
import { PasswordHasher } from './password-hasher';
import type { Renewal } from './refresh.service';
import { SessionService } from './session.service';
import type { User } from './user.entity';
import { UserRepository } from './user.repository';

/** A user whose password was right, and its hash with today's parameters where the stored one has others. */
interface Verified {
  user: User;
  newHash: string | null;
}

/** Lets users in. */
@Injectable()
export class LoginService {
  constructor(
    private readonly users: UserRepository,
    private readonly sessions: SessionService,
    private readonly hasher: PasswordHasher,
    private readonly throttle: GuessThrottle,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Opens a session.
   * @throws InvalidCredentialsError, the same in content and time whether the name exists or not
   * @throws TooManyAttemptsError, whatever the password
   */
  async login(username: string, password: string, client: Client): Promise<Renewal> {
    noteTarget({ type: 'user', id: null, name: username });
    const verified = await this.throttle.attempt(username, client.ip, () => this.verify(username, password));
    if (verified === null) throw new InvalidCredentialsError();
    return this.transactions.run(async (tx) => {
      // Changed while the hash was computed: whoever changed it has ended all sessions, this one too.
      const user = await this.users.lock(verified.user.id, tx);
      if (user === null || user.disabled || user.passwordHash !== verified.user.passwordHash) {
        throw new InvalidCredentialsError();
      }
      if (verified.newHash !== null) await this.users.setHash(user.id, verified.newHash, tx);
      const opened = await this.sessions.open(user.id, client, tx);
      const actor = { type: 'user' as const, id: user.id, name: user.username };
      await this.operations.append({ action: 'auth.login', outcome: 'success', status: 200, actor, target: actor }, tx);
      return { user, ...opened };
    });
  }

  private async verify(username: string, password: string): Promise<Verified | null> {
    const user = await this.users.findByUsername(username);
    const matches = await this.hasher.verify(user?.passwordHash ?? null, password);
    if (user === null || !matches || user.disabled) return null;
    const newHash = this.hasher.isOutdated(user.passwordHash) ? await this.hasher.hash(password) : null;
    return { user, newHash };
  }
}
