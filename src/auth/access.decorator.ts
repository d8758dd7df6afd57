import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Role } from './roles';

export const PUBLIC = 'mcps:public';
export const REQUIRED_ROLE = 'mcps:role';
export const WHILE_PASSWORD_EXPIRED = 'mcps:while-password-expired';
export const USERS_ONLY = 'mcps:users-only';
export const SCOPED_KEYS = 'mcps:scoped-keys';
export const TAKES_CREDENTIALS = 'mcps:takes-credentials';
export const WHILE_RESTORING = 'mcps:while-restoring';

/** The route needs no authentication. */
export const Public = () => applyDecorators(SetMetadata(PUBLIC, true), ApiExtension('x-public', true));

/** The least role that may use the route (or all routes of a controller). Without it only an admin may. */
export const RequireRole = (role: Role) =>
  applyDecorators(SetMetadata(REQUIRED_ROLE, role), ApiExtension('x-required-role', role));

/** The route works also while the caller still has to change the first password. */
export const WhilePasswordExpired = () => SetMetadata(WHILE_PASSWORD_EXPIRED, true);

/** The route is about the caller's own login, which API keys don't have. */
export const UsersOnly = () => applyDecorators(SetMetadata(USERS_ONLY, true), ApiExtension('x-users-only', true));

/**
 * The route is open to API keys that are limited to some tools, because it keeps to these tools by itself. Without it such
 * keys are refused: a new route must not show them the rest of the house.
 */
export const ScopedKeys = () => SetMetadata(SCOPED_KEYS, true);

/** The route takes a password or a refresh token: AUTH_RATE_LIMIT_PER_MINUTE of one address, whoever asks. */
export const TakesCredentials = () => SetMetadata(TAKES_CREDENTIALS, true);

/** The route tells whoever asked for a restore how far it is, also while there is no data to look a caller up in. */
export const WhileRestoring = () => SetMetadata(WHILE_RESTORING, true);
