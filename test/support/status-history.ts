import { Events } from '../../src/events/events';
import { SupervisorService } from '../../src/supervisor/supervisor.service';
import type { ToolSnapshot } from '../../src/supervisor/tool-snapshot';
import { waitUntil } from './process-tree';
import type { TestApp } from './test-app';

/** A status of a tool and when it was told, in epoch milliseconds. */
export type SeenStatus = ToolSnapshot & { heardAt: number };

/** Every status of every tool of an application: one that lasts for a second may be over before the API is asked for it. */
export class StatusHistory {
  private readonly all: { toolId: string; status: SeenStatus }[] = [];

  constructor({ nest }: TestApp) {
    nest.get(Events).on('tool.status-changed', ({ toolId }) => {
      const snapshot = nest.get(SupervisorService).snapshot(toolId);
      this.all.push({ toolId, status: { ...snapshot, heardAt: Date.now() } });
    });
  }

  /** The first status that a tool has had, or will have, that is as wanted. */
  seen(toolId: string, what: string, isSo: (status: ToolSnapshot) => boolean): Promise<SeenStatus> {
    return waitUntil(() => this.all.find((one) => one.toolId === toolId && isSo(one.status))?.status, { what });
  }
}
