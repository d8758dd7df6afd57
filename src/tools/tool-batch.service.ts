import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { toProblem } from '../common/problem.filter';
import type { Target } from '../common/request-context';
import { ToolRegistry } from './tool-registry';
import type { BatchAction, BatchItemView, BatchView } from './tool-runtime.dto';
import { ToolRuntimeService } from './tool-runtime.service';
import type { ToolStatusView } from './tool-status.dto';
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

  async run(action: BatchAction, tools: string[]): Promise<BatchView> {
    return { items: await Promise.all([...new Set(tools)].map((tool) => this.one(action, tool))) };
  }

  private async one(action: BatchAction, tool: string): Promise<BatchItemView> {
    const target = await this.registry.targetOf(tool);
    try {
      const status = await this.act(action, tool);
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
      outcome: failure === null ? 'success' : 'failure',
      status: failure?.status ?? null,
      target,
      changes: { batch: true, ...(failure ? { code: failure.code, detail: failure.detail } : {}) },
    });
  }
}
