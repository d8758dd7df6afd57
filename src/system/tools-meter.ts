import { Injectable } from '@nestjs/common';
import { Maintenance } from '../availability/maintenance';
import { Clock } from '../common/clock';
import { Events } from '../events/events';
import { SupervisorService } from '../supervisor/supervisor.service';
import { STOPPED_SNAPSHOT, TOOL_STATES, type ToolSnapshot, type ToolState } from '../supervisor/tool-snapshot';
import { ToolDirectory } from '../tools/tool-directory';
import type { SystemReading } from './system-reading.types';

/** Names that nobody has called outdated are asked for again after this time nevertheless. */
const TRUST_MS = 60_000;

/** All tools together, and each by its name. */
@Injectable()
export class ToolsMeter {
  private known: ReadonlyMap<string, string> = new Map();
  private isOutdated = true;
  private askedAt = -Infinity;
  /** The last question, and how many there were. */
  private asked = Promise.resolve(false);
  private questions = 0;

  constructor(
    private readonly directory: ToolDirectory,
    private readonly supervisor: SupervisorService,
    private readonly clock: Clock,
    events: Events,
    maintenance: Maintenance,
  ) {
    const outdate = () => void (this.isOutdated = true);
    events.on('tool.defined', outdate);
    events.on('tool.removed', outdate);
    // Other data may have been put into the place of ours.
    maintenance.onChange(outdate);
  }

  /** Id -> name of all there are, as of the last `refresh`. */
  get names(): ReadonlyMap<string, string> {
    return this.known;
  }

  /**
   * Asks which tools there are, where that may have changed since the last time: it is called every few seconds. While the
   * database does not say (false), those of before are all.
   */
  refresh(): Promise<boolean> {
    const now = this.clock.monotonic();
    if (!this.isOutdated && now - this.askedAt < TRUST_MS) return this.asked;
    // Before the answer: what changes until then makes another question necessary.
    this.isOutdated = false;
    this.askedAt = now;
    this.asked = this.ask(++this.questions);
    return this.asked;
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

  private async ask(question: number): Promise<boolean> {
    try {
      const names = await this.directory.names();
      // A later question may have been answered first.
      if (question === this.questions) this.known = names;
      return true;
    } catch {
      // It is told elsewhere that the database is away.
      this.isOutdated = true;
      return false;
    }
  }
}
