import type { ToolFork } from '../supervisor/supervisor.service';
import type { OwnHandshake } from '../supervisor/tool-instance';
import type { ToolCatalogue, ToolFacts } from '../tools/tool-catalogue';
import { TooManyOwnServersError } from './gateway.errors';
import type { GatewayLimits } from './gateway-limits';

/** How many servers of one tool there may be beside the one that all share. */
export class ServerBudget {
  private used = 0;

  constructor(
    private readonly facts: () => ToolFacts,
    private readonly catalogue: ToolCatalogue,
    private readonly limits: GatewayLimits,
  ) {}

  /** Starts one more; its place is free again when nothing of it is left. @throws TooManyOwnServersError, ToolStartFailedError */
  async start(handshake: OwnHandshake): Promise<ToolFork> {
    const { id, name } = this.facts();
    const limit = this.limits.serversPerTool;
    if (this.used >= limit) throw new TooManyOwnServersError(name, limit);
    this.used += 1;
    try {
      const { session, end } = await this.catalogue.fork(id, handshake);
      let ending: Promise<void> | null = null;
      const endOnce = (): Promise<void> => (ending ??= end().finally(() => (this.used -= 1)));
      return { session, end: endOnce };
    } catch (error) {
      this.used -= 1;
      throw error;
    }
  }
}
