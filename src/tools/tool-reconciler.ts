import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ToolRegistry } from './tool-registry';
import { ToolRepository } from './tool.repository';

/** Closes the gap between what is wished and what is when MCPS.ONE starts. */
@Injectable()
export class ToolReconciler implements OnApplicationBootstrap {
  private readonly logger = new Logger(ToolReconciler.name);

  constructor(
    private readonly tools: ToolRepository,
    private readonly registry: ToolRegistry,
  ) {}

  /** Begins all starts that are due and waits for none: the API answers meanwhile. */
  async onApplicationBootstrap(): Promise<void> {
    for (const tool of await this.tools.listDesiredRunning()) {
      try {
        await this.registry.reconcile(tool, { mayStart: true });
      } catch (error) {
        // Also where single secrets were lost with a former key: a wrong key as such never comes this far.
        this.logger.error('A tool could not be started', error, { tool: tool.name });
      }
    }
  }
}
