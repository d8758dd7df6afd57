import { Injectable } from '@nestjs/common';
import { SupervisorService } from '../supervisor/supervisor.service';
import { STOPPED_SNAPSHOT, TOOL_STATES, type ToolSnapshot, type ToolState } from '../supervisor/tool-snapshot';
import { ToolDirectory } from '../tools/tool-directory';
import type { SystemReading } from './system-reading.types';

/** All tools together, and each by its name. */
@Injectable()
export class ToolsMeter {
  private known: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly directory: ToolDirectory,
    private readonly supervisor: SupervisorService,
  ) {}

  /** Id -> name of all there are, as of the last `refresh`. */
  get names(): ReadonlyMap<string, string> {
    return this.known;
  }

  /** Asks which tools there are. While the database does not say (false), those of before are all. */
  async refresh(): Promise<boolean> {
    try {
      this.known = await this.directory.names();
      return true;
    } catch {
      // It is told elsewhere that the database is away.
      return false;
    }
  }

  snapshots(): { name: string; snapshot: ToolSnapshot }[] {
    return [...this.known].map(([id, name]) => ({ name, snapshot: this.supervisor.snapshot(id) }));
  }

  read(): { tools: SystemReading['tools']; inFlight: number } {
    const byState = Object.fromEntries(TOOL_STATES.map((state) => [state, 0])) as Record<ToolState, number>;
    const tools = { total: this.known.size, byState, processes: 0, memoryBytes: 0, cpuPercent: 0 };
    let inFlight = 0;
    for (const { snapshot } of this.snapshots()) {
      byState[snapshot.state] += 1;
      if (snapshot === STOPPED_SNAPSHOT) continue;
      inFlight += snapshot.inFlight;
      tools.processes += snapshot.usage?.processes ?? 0;
      tools.memoryBytes += snapshot.usage?.memoryBytes ?? 0;
      tools.cpuPercent += snapshot.usage?.cpuPercent ?? 0;
    }
    tools.cpuPercent = Math.round(tools.cpuPercent * 10) / 10;
    return { tools, inFlight };
  }
}
