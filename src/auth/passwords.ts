import { Injectable } from '@nestjs/common';
import { ValidationFailedError } from '../common/domain-error';
import { AppConfig } from '../config/app-config';
import { PasswordHasher } from './password-hasher';
import { passwordProblem } from './password-rules';

/** New passwords on their way to be stored. */
@Injectable()
export class Passwords {
  constructor(
    private readonly hasher: PasswordHasher,
    private readonly config: AppConfig,
  ) {}

  /** The hash of a password that will do. @throws ValidationFailedError naming `path` */
  async accept(password: string, username: string, path: string): Promise<string> {
    const message = passwordProblem(password, { username, projectName: this.config.projectName });
    if (message !== null) throw new ValidationFailedError([{ path, message }]);
    return this.hasher.hash(password);
  }
}
