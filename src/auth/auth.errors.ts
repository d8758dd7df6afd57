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
      'Send a valid access token or API key as "Authorization: Bearer ..."; POST /auth/login gives a token',
    );
  }
}

/** One answer for refresh tokens that are missing, unknown, over and used: a thief learns nothing. */
export class RefreshRefusedError extends DomainError {
  constructor() {
    super('unauthenticated', 'refresh_refused', 'This login is over; log in again: POST /auth/login');
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

/** An API key at a route that is about a user's own login. */
export class UsersOnlyError extends DomainError {
  constructor() {
    super('forbidden', 'users_only', 'This is for users who have logged in; an API key has no login');
  }
}

/** An API key that is limited to some tools at a route that is about more than these. */
export class ScopeMissingError extends DomainError {
  constructor() {
    super('forbidden', 'scope_missing', 'This API key is limited to some tools, and this is not about them alone');
  }
}

export class CurrentPasswordWrongError extends DomainError {
  constructor() {
    super('forbidden', 'current_password_wrong', 'The current password is wrong');
  }
}

export class SessionNotFoundError extends DomainError {
  constructor() {
    super('not-found', 'session_not_found', 'You have no such session');
  }
}

/** A page of a stranger's origin asks with the cookie of ours. */
export class OriginRefusedError extends DomainError {
  constructor() {
    super('forbidden', 'origin_not_allowed', 'Pages of this origin may not do this; add it to CORS_ORIGINS');
  }
}

/** What any page could send without being asked first (Fetch standard, "CORS-safelisted"). */
export class JsonRequiredError extends DomainError {
  constructor() {
    super('unsupported-media-type', 'json_required', 'Send this with "Content-Type: application/json"');
  }
}
