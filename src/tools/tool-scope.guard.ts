import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { RefusedRequests } from '../auth/refused-requests';
import { noteTarget } from '../common/request-context';
import { ToolDirectory } from './tool-directory';
import { ToolOutOfScopeError } from './tools.errors';

/**
 * Keeps an API key that is limited to some tools to these, on the routes that name one (`{tool}`). What is not in its scope
 * and what does not exist are the same to it. From here on the request names the tool by id: it is the one that was
 * checked, whatever is renamed meanwhile.
 */
@Injectable()
export class ToolScopeGuard implements CanActivate {
  constructor(
    private readonly directory: ToolDirectory,
    private readonly refused: RefusedRequests,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { user, params } = context.switchToHttp().getRequest<{ user: Principal; params: { tool?: string } }>();
    const { tool } = params;
    if (user.toolIds === null || tool === undefined) return true;
    const id = await this.directory.idOf(tool);
    if (id !== null && user.toolIds.has(id)) {
      params.tool = id;
      return true;
    }
    const error = new ToolOutOfScopeError(tool);
    noteTarget({ type: 'tool', id, name: tool.slice(0, 80) });
    await this.refused.record(context, error);
    throw error;
  }
}
