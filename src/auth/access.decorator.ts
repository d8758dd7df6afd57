import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Role } from './roles';

export const PUBLIC = 'mcps:public';
export const REQUIRED_ROLE = 'mcps:role';
export const WHILE_PASSWORD_EXPIRED = 'mcps:while-password-expired';

/** The route needs no authentication. */
export const Public = () => applyDecorators(SetMetadata(PUBLIC, true), ApiExtension('x-public', true));

/** The least role that may use the route (or all routes of a controller). Without it only an admin may. */
export const RequireRole = (role: Role) =>
  applyDecorators(SetMetadata(REQUIRED_ROLE, role), ApiExtension('x-required-role', role));

/** The route works also while the caller still has to change the first password. */
export const WhilePasswordExpired = () => SetMetadata(WHILE_PASSWORD_EXPIRED, true);
