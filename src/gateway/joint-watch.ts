import type { KnownOfferings, OfferedList } from '../tools/known-offerings';
import type { ToolCatalogue, ToolFacts } from '../tools/tool-catalogue';

type Told = (toolIds: ReadonlySet<string>, lists: ReadonlySet<OfferedList>) => void;

const EVERY_MS = 1_000;
const LOOKS = 3;
const ALL: ReadonlySet<OfferedList> = new Set(['tools', 'prompts', 'resources']);

/** Tells when joint lists change: a tool offers something else, or there are other tools. */
export class JointWatch {
  private timer: NodeJS.Timeout | null = null;
  private tools: ReadonlyMap<string, string> | null = null;
  private revision = -1;
  private looksLeft = 0;

  constructor(
    private readonly catalogue: ToolCatalogue,
    known: KnownOfferings,
    private readonly told: Told,
  ) {
    known.onChange((toolId, lists) => told(new Set([toolId]), lists));
  }

  /** Looks at which tools there are as long as somebody wants to know. It asks the database only after a change. */
  set isWanted(wanted: boolean) {
    if (wanted === (this.timer !== null)) return;
    if (this.timer !== null) clearInterval(this.timer);
    this.tools = null;
    this.timer = wanted ? setInterval(() => void this.look().catch(() => undefined), EVERY_MS) : null;
    this.timer?.unref();
    if (wanted) void this.look().catch(() => undefined);
  }

  private async look(): Promise<void> {
    const revision = this.catalogue.stamp;
    if (this.tools !== null && revision === this.revision && this.looksLeft === 0) return;
    // A change may be counted before it is committed, so one look is not enough.
    this.looksLeft = revision === this.revision ? this.looksLeft - 1 : LOOKS;
    this.revision = revision;
    const before = this.tools;
    const after = new Map((await this.catalogue.list()).map((facts) => [facts.id, shapeOf(facts)]));
    this.tools = after;
    const differing = before === null ? [] : changedIds(before, after);
    if (differing.length > 0) this.told(new Set(differing), ALL);
  }
}

/** What of a tool decides on whether and how it is listed. */
function shapeOf({ name, enabled, desired }: ToolFacts): string {
  return `${name} ${enabled} ${desired === 'stopped'}`;
}

function changedIds(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return [...ids].filter((id) => before.get(id) !== after.get(id));
}
