import type { Role } from '../auth/roles';
import { includesRole } from '../auth/roles';
import type { ClientMessage } from '../mcp/client-message';

/** What a viewer may ask: who a server is and what it has, not what is in it. */
const VIEWER_METHODS: ReadonlySet<string> = new Set([
  ...['initialize', 'server/discover', 'ping', 'logging/setLevel', 'subscriptions/listen'],
  ...['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'],
]);

/** Whether a role is enough for a message; answers and notifications do nothing by themselves. */
export function mayAsk(role: Role, { kind, method }: ClientMessage): boolean {
  if (kind !== 'request' || includesRole(role, 'operator')) return true;
  return VIEWER_METHODS.has(method);
}
