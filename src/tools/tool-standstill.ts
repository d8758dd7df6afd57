import { Injectable, Logger } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { SupervisorService } from '../supervisor/supervisor.service';
import { ToolReconciler } from './tool-reconciler';
import { ToolRepository } from './tool.repository';

/** Stops all tools while other wishes are put into the place of the present ones, and then makes reality follow those. */
@Injectable()
export class ToolStandstill {
  private readonly logger = new Logger('Tools');

  constructor(
    private readonly reconciler: ToolReconciler,
    private readonly supervisor: SupervisorService,
    private readonly tools: ToolRepository,
  ) {}

  /** Resolves when no process of a tool is left. What is wished stays as it is. */
  async begin(): Promise<void> {
    await this.reconciler.pause();
    await this.supervisor.suspend().catch((error: unknown) => {
      // A process that nothing ends is no reason to keep the data from being mended.
      this.logger.error('A tool could not be stopped', { reason: messageOf(error) });
    });
  }

  async end(): Promise<void> {
    // Whoever keeps a copy of definitions reads them anew.
    this.tools.revision++;
    this.supervisor.resume();
    await this.reconciler.resume();
  }
}
