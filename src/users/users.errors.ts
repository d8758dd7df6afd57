import { DomainError } from '../common/domain-error';

export class UserNotFoundError extends DomainError {
  constructor() {
    super('not-found', 'user_not_found', 'There is no such user');
  }
}

export class UsernameTakenError extends DomainError {
  constructor(username: string) {
    super('conflict', 'username_taken', `There is already a user named "${username}"`, {
      errors: [{ path: 'username', message: 'is taken' }],
    });
  }
}

/** Nobody would be left who could make another one. */
export class LastAdminError extends DomainError {
  constructor() {
    super(
      'conflict',
      'last_admin',
      'This is the last enabled administrator; make another one before this one is removed, disabled or demoted',
    );
  }
}

/** A stolen token alone must not be enough to take an account over. */
export class OwnPasswordError extends DomainError {
  constructor() {
    super(
      'conflict',
      'own_password',
      'Change your own password with PUT /auth/password, which asks for the current one',
    );
  }
}
