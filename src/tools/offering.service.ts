import { Injectable } from '@nestjs/common';
import { Clock, toTimestamp } from '../common/clock';
import { listOfferings } from '../mcp/capability-listing';
import type { ToolSession } from '../supervisor/tool-session';
import { ToolOffering } from './tool-offering.entity';
import type { CapabilitiesView } from './tool-runtime.dto';
import type { Tool } from './tool.entity';
import { ToolRepository } from './tool.repository';
import { ToolNeverSeenError, ToolNotRunningError } from './tools.errors';

/** What is stored: the answer without what depends on when it is read. */
export type KeptOffering = Omit<CapabilitiesView, 'live' | 'at'>;

/** What tools offer: asked from the running, remembered of the others. */
@Injectable()
export class OfferingService {
  constructor(
    private readonly tools: ToolRepository,
    private readonly clock: Clock,
  ) {}

  /** Asks a running tool and remembers the answer. */
  async ask(toolId: string, session: ToolSession): Promise<CapabilitiesView> {
    const offering = await readOffering(session);
    const at = this.clock.now();
    const row = Object.assign(new ToolOffering(), { toolId, at, content: JSON.stringify(offering) });
    // A tool that was deleted meanwhile must not leave a row behind.
    if ((await this.tools.findById(toolId)) !== null) await this.tools.keepOffering(row);
    return { ...offering, live: true, at: toTimestamp(at) };
  }

  /** What was remembered of a tool, or null. */
  async find(toolId: string): Promise<KeptOffering | null> {
    const row = await this.tools.findOffering(toolId);
    return row === null ? null : (JSON.parse(row.content) as KeptOffering);
  }

  /** @throws ToolNeverSeenError */
  async lastKnown(tool: Tool): Promise<CapabilitiesView> {
    const row = await this.tools.findOffering(tool.id);
    if (row === null) throw new ToolNeverSeenError(tool.name);
    return { ...(JSON.parse(row.content) as KeptOffering), live: false, at: toTimestamp(row.at) };
  }
}

/** Everything a server offers, all pages followed. */
export async function readOffering(session: ToolSession): Promise<KeptOffering> {
  const { peer, identity, tool } = session;
  if (peer === null || identity === null) throw new ToolNotRunningError(tool.name, 'not ready');
  const { protocolVersion, serverInfo, instructions, capabilities } = identity;
  const lists = await listOfferings(peer, identity, { timeoutMs: session.timeoutMs, signal: session.signal });
  // A server may name its own key in a description; who reads what it offers needs no secret.
  return session.mask.applyToJson({ protocolVersion, serverInfo, instructions, capabilities, ...lists });
}
