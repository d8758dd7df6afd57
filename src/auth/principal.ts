import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { ApiKey } from './api-key.entity';
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
  /** Ids of the only tools there are for an API key of limited scope; null: all. */
  toolIds: ReadonlySet<string> | null;
  /** When the credential that was sent is over, in epoch milliseconds; null: never. For who holds a request open. */
  expiresAt: number | null;
}

/** A user who came by a login. */
export function principalOf(user: User, sessionId: string, expiresAt: number | null): Principal {
  const { id, username, role, mustChangePassword } = user;
  return { type: 'user', id, name: username, role, sessionId, mustChangePassword, toolIds: null, expiresAt };
}

export function principalOfKey({ id, name, role, toolIds, expiresAt }: ApiKey): Principal {
  const scope = toolIds === null ? null : new Set(toolIds);
  return { type: 'apiKey', id, name, role, sessionId: null, mustChangePassword: false, toolIds: scope, expiresAt };
}

/** The principal of the current request, as a parameter of a controller's method. */
export const CurrentPrincipal = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<{ user: Principal }>().user,
);
