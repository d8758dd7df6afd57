import { Injectable } from '@nestjs/common';
import { TrafficTap } from '../mcp/traffic-tap';
import { ToolCatalogue, type ToolFacts } from '../tools/tool-catalogue';
import { GatewayLimits } from './gateway-limits';
import type { Endpoint } from './gateway.types';
import { ToolEndpoint } from './tool-endpoint';

/** Which endpoint a URL means: each tool has one, made when it is first asked for. */
@Injectable()
export class GatewayEndpoints {
  /** All tools in one, at `/mcp` itself; set by whoever offers it. */
  all: Endpoint | null = null;
  private readonly tools = new Map<string, ToolEndpoint>();

  constructor(
    private readonly catalogue: ToolCatalogue,
    private readonly limits: GatewayLimits,
    private readonly tap: TrafficTap,
  ) {}

  /** From memory; undefined: ask `find`. */
  peek(tool: string | null): Endpoint | null | undefined {
    if (tool === null) return this.all;
    const facts = this.catalogue.peek(tool);
    return facts === undefined ? undefined : this.of(facts);
  }

  async find(tool: string | null): Promise<Endpoint | null> {
    if (tool === null) return this.all;
    const facts = await this.catalogue.find(tool);
    return facts === null ? null : this.of(facts);
  }

  /** The endpoint of one tool, also for those who put several together. */
  of(facts: ToolFacts): ToolEndpoint {
    const known = this.tools.get(facts.id);
    if (known !== undefined) {
      known.facts = facts;
      return known;
    }
    const made = new ToolEndpoint(facts, { catalogue: this.catalogue, limits: this.limits, sink: this.tap });
    this.tools.set(facts.id, made);
    return made;
  }
}
