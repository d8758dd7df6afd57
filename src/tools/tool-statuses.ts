import { Injectable } from '@nestjs/common';
import { SupervisorService } from '../supervisor/supervisor.service';
import type { ToolStatusView } from './tool-status.dto';
import { toStatusView } from './tool-views';
import type { Tool } from './tool.entity';
import { ToolRepository } from './tool.repository';

/** A tool's state with what it takes to know whose it is: members of the tool as `GET /tools/{tool}` answers it. */
export interface NamedToolStatus {
  id: string;
  name: string;
  status: ToolStatusView;
}

/** How tools fare: for those who show it beside the routes. */
@Injectable()
export class ToolStatuses {
  constructor(
    private readonly tools: ToolRepository,
    private readonly supervisor: SupervisorService,
  ) {}

  async find(toolId: string): Promise<NamedToolStatus | null> {
    const tool = await this.tools.findById(toolId);
    return tool && this.statusOf(tool);
  }

  async list(): Promise<NamedToolStatus[]> {
    return (await this.tools.list({})).map((tool) => this.statusOf(tool));
  }

  private statusOf(tool: Tool): NamedToolStatus {
    return { id: tool.id, name: tool.name, status: toStatusView(tool, this.supervisor.snapshot(tool.id)) };
  }
}
