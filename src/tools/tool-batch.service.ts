import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { toProblem } from '../common/problem.filter';
import type { Target } from '../common/request-context';
import { ToolRegistry } from './tool-registry';
import type { BatchAction, BatchItemView, BatchView } from './tool-runtime.dto';
import { ToolRuntimeService } from './tool-runtime.service';
import type { ToolStatusView } from './tool-status.dto';
import { ToolOutOfScopeError } from './tools.errors';
import { ToolsService } from './tools.service';

/** One action on many tools: each has its own outcome and its own row in the operation log. */
@Injectable()
export class ToolBatchService {
  constructor(
    private readonly tools: ToolsService,
    private readonly runtime: ToolRuntimeService,
    private readonly registry: ToolRegistry,
    private readonly operations: OperationLog,
  ) {}

  /** `scope`: ids of the only tools that the caller may touch; null: all. */
  async run(action: BatchAction, tools: string[], scope: ReadonlySet<string> | null): Promise<BatchView> {
    return { items: await Promise.all([...new Set(tools)].map((tool) => this.one(action, tool, scope))) };
  }

  private async one(action: BatchAction, tool: string, scope: ReadonlySet<string> | null): Promise<BatchItemView> {
    const target = await this.registry.targetOf(tool);
    try {
      if (scope !== null && (target.id === null || !scope.has(target.id))) throw new ToolOutOfScopeError(tool);
      // Of a limited key by id: the tool that was checked, whatever is renamed meanwhile.
      const status = await this.act(action, scope === null ? tool : (target.id ?? tool));
      // Changes of the definition have written their row with the change.
      if (action === 'start' || action === 'stop' || action === 'restart') await this.record(action, target, null);
      return { tool, ok: true, ...(status ? { status } : {}) };
    } catch (error) {
      const { code, detail, status } = toProblem(error, { url: '', id: '' });
      await this.record(action, target, { code, detail, status });
      return { tool, ok: false, code, detail };
    }
  }

  private async act(action: BatchAction, tool: string): Promise<ToolStatusView | null> {
    switch (action) {
      case 'start':
        return this.runtime.start(tool);
      case 'stop':
        return this.runtime.stop(tool);
      case 'restart':
        return this.runtime.restart(tool);
      case 'enable':
        return (await this.tools.patch(tool, { enabled: true })).status;
      case 'disable':
        return (await this.tools.patch(tool, { enabled: false })).status;
      case 'delete':
        await this.tools.remove(tool);
        return null;
    }
  }

  private record(
    action: BatchAction,
    target: Target,
    failure: { code: string; detail: string; status: number } | null,
  ): Promise<void> {
    const verb = action === 'enable' || action === 'disable' ? 'update' : action;
    return this.operations.append({
      action: `tool.${verb}`,
      outcome: failure === null ? 'success' : failure.status === 403 ? 'refused' : 'failure',
      status: failure?.status ?? null,
      target,
      changes: { batch: true, ...(failure ? { code: failure.code, detail: failure.detail } : {}) },
    });
  }
}
