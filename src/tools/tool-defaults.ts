import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../settings/settings';
import { HealthMonitor } from '../supervisor/health-monitor';
import type { ToolDefaults as Defaults } from '../supervisor/supervised-tool';
import { SupervisorService } from '../supervisor/supervisor.service';

/** What the settings say of all tools: told to what keeps them alive, at the start and at each change. */
@Injectable()
export class ToolDefaults implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly supervisor: SupervisorService,
    private readonly health: HealthMonitor,
  ) {}

  onModuleInit(): void {
    this.tell();
    this.settings.onChange(['mcp.maxRetries', 'mcp.timeoutSeconds', 'mcp.healthIntervalSeconds'], () => this.tell());
  }

  /** What holds for a tool now. */
  of(tool: { maxRetries: number | null; timeoutMs: number | null }): Defaults {
    return {
      maxRetries: tool.maxRetries ?? this.settings.get('mcp.maxRetries'),
      timeoutMs: tool.timeoutMs ?? this.settings.get('mcp.timeoutSeconds') * 1000,
    };
  }

  private tell(): void {
    this.supervisor.assume(this.of({ maxRetries: null, timeoutMs: null }));
    this.health.askAfter(this.settings.get('mcp.healthIntervalSeconds') * 1000);
  }
}
