import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Role } from './roles';
import type { User } from './user.entity';

/** Who sent a request, as the guard has found out. */
export interface Principal {
  type: 'user' | 'apiKey';
  id: string;
  name: string;
  role: Role;
  /** The login that the access token belongs to; null for API keys. */
  sessionId: string | null;
  mustChangePassword: boolean;
}

/** A user who came by a login. */
export function principalOf(user: User, sessionId: string): Principal {
  const { id, username, role, mustChangePassword } = user;
  return { type: 'user', id, name: username, role, sessionId, mustChangePassword };
}

/** The principal of the current request, as a parameter of a controller's method. */
export const CurrentPrincipal = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<{ user: Principal }>().user,
);
