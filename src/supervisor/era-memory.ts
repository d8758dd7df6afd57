import type { ProtocolEra } from '../mcp/peer.types';
import { sameConnection, type SupervisedTool } from './supervised-tool';

/** A verdict on a server's era is asked for anew after this long: servers get updated. */
const VERDICT_MS = 24 * 3600_000;

/** What was learnt of a server's era, so that its next start need not probe. */
export class EraMemory {
  private known: { verdict: ProtocolEra; tool: SupervisedTool; at: number } | null = null;

  /** `now`: epoch milliseconds, here and below. */
  learn(verdict: ProtocolEra, tool: SupervisedTool, now: number): void {
    this.known = { verdict, tool, at: now };
  }

  forget(): void {
    this.known = null;
  }

  /** How a start of this definition begins. */
  probeFor(tool: SupervisedTool, now: number): 'auto' | ProtocolEra {
    const { known } = this;
    if (known === null || !sameConnection(known.tool, tool)) return 'auto';
    return now - known.at > VERDICT_MS ? 'auto' : known.verdict;
  }
}
