import { randomBytes } from 'node:crypto';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { newId } from '../common/ids';
import { AppConfig } from '../config/app-config';
import { Transactions } from '../database/transactions';
import { FirstPasswordFile } from './first-password-file';
import { PasswordHasher } from './password-hasher';
import { passwordProblem } from './password-rules';
import { User } from './user.entity';
import { UserRepository } from './user.repository';

/** Makes the first administrator when there is no user yet: there is no default password. */
@Injectable()
export class AdminBootstrap implements OnModuleInit {
  private readonly logger = new Logger(AdminBootstrap.name);

  constructor(
    private readonly config: AppConfig,
    private readonly users: UserRepository,
    private readonly hasher: PasswordHasher,
    private readonly firstPassword: FirstPasswordFile,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    if (!(await this.transactions.run((tx) => this.users.isEmpty(tx)))) return;
    const password = this.config.adminPassword ?? randomBytes(18).toString('base64url');
    const passwordHash = await this.hasher.hash(password);
    const admin = this.newAdmin(passwordHash);
    // The file comes first: a crash in between leaves a file without a user, which the next start overwrites.
    if (this.config.adminPassword === null) this.firstPassword.write(password);
    const made = await this.transactions.run(async (tx) => {
      if (!(await this.users.isEmpty(tx))) return false;
      await this.users.insert(admin, tx);
      const target = { type: 'user', id: admin.id, name: admin.username };
      await this.operations.append(
        { action: 'user.create', outcome: 'success', target, changes: { role: 'admin' } },
        tx,
      );
      return true;
    });
    if (!made) return;
    // No field may be called after a secret: it would be masked.
    const where = this.config.adminPassword === null ? { file: this.firstPassword.path } : { from: 'ADMIN_PASSWORD' };
    this.logger.log(`The first administrator "${admin.username}" has been made`, where);
    const { adminPassword, projectName } = this.config;
    const problem = adminPassword && passwordProblem(adminPassword, { username: admin.username, projectName });
    if (problem) this.logger.warn(`ADMIN_PASSWORD ${problem}; change it: PUT /auth/password`);
  }

  private newAdmin(passwordHash: string): User {
    const now = this.clock.now();
    return Object.assign(new User(), {
      id: newId(),
      username: this.config.adminUsername,
      passwordHash,
      role: 'admin' as const,
      disabled: false,
      mustChangePassword: this.config.adminPassword === null,
      version: 1,
      createdAt: now,
      updatedAt: now,
    });
  }
}
