import { DomainError } from '../common/domain-error';
import type { Role } from './roles';

/** One answer for unknown names and wrong passwords alike. */
export class InvalidCredentialsError extends DomainError {
  constructor() {
    super('unauthenticated', 'invalid_credentials', 'The user name or the password is wrong');
  }
}

export class UnauthenticatedError extends DomainError {
  constructor() {
    super(
      'unauthenticated',
      'unauthenticated',
      'Send a valid access token as "Authorization: Bearer ..."; POST /auth/login gives one',
    );
  }
}

export class RoleMissingError extends DomainError {
  constructor(required: Role) {
    super('forbidden', 'role_missing', `This needs the role ${required}`);
  }
}

export class PasswordChangeRequiredError extends DomainError {
  constructor() {
    super(
      'forbidden',
      'password_change_required',
      'Change the first password before anything else: PUT /auth/password',
    );
  }
}

export class CurrentPasswordWrongError extends DomainError {
  constructor() {
    super('forbidden', 'current_password_wrong', 'The current password is wrong');
  }
}
