import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { onListChanged } from '../mcp/list-changes';
import { SupervisorService } from '../supervisor/supervisor.service';
import type { ToolSession } from '../supervisor/tool-session';
import { type KeptOffering, OfferingService } from './offering.service';

/** The lists a client may hear of; templates count as resources. */
export type OfferedList = 'tools' | 'prompts' | 'resources';

export interface KnownOffering {
  offering: KeptOffering;
  /** Read from the session that runs now; else it is what the tool offered when it was last seen. */
  isCurrent: boolean;
}

export type OfferingListener = (toolId: string, lists: ReadonlySet<OfferedList>) => void;

interface Entry {
  session: ToolSession | null;
  /** Of `session`, or from before. */
  offering: KeptOffering | null;
  isCurrent: boolean;
  reading: Promise<void> | null;
  /** A list has changed while it was being read. */
  isOutdated: boolean;
  readAt: number;
}

/** A server that says all the time that something has changed is not asked more often. */
const PAUSE_MS = 500;
/** After a failed try nobody waits for another one before this. */
const RETRY_MS = 5_000;
const MEMBERS: Record<OfferedList, readonly (keyof KeptOffering)[]> = {
  tools: ['tools'],
  prompts: ['prompts'],
  resources: ['resources', 'resourceTemplates'],
};

/** What tools offer, from memory: read once a start and again when a server says that a list has changed. */
@Injectable()
export class KnownOfferings implements OnModuleInit {
  private readonly logger = new Logger(KnownOfferings.name);
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<OfferingListener>();

  constructor(
    private readonly offerings: OfferingService,
    private readonly supervisor: SupervisorService,
  ) {}

  onModuleInit(): void {
    this.supervisor.onReady((toolId, session) => {
      const { peer, identity } = session;
      const entry = this.entryOf(toolId);
      Object.assign(entry, { session, isCurrent: false, isOutdated: false, reading: null, readAt: -Infinity });
      void this.read(toolId, session);
      if (peer && identity) onListChanged(peer, identity, () => void this.readAgain(toolId, session));
    });
  }

  /** Told whose lists have changed, once the new ones are known. Returns the way to stop. */
  onChange(listener: OfferingListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * What a tool offers. One that runs is waited for at most `waitMs`, then what it offered before has to do. Null:
   * nobody knows yet.
   */
  async of(toolId: string, session: ToolSession | null, waitMs: number): Promise<KnownOffering | null> {
    const entry = this.entryOf(toolId);
    if (session !== null && !this.isFresh(entry, session)) await this.waitFor(toolId, session, waitMs);
    const { offering } = entry;
    if (offering !== null) return { offering, isCurrent: this.isFresh(entry, session) };
    const stored = await this.offerings.find(toolId);
    if (stored === null) return null;
    entry.offering ??= stored;
    return { offering: entry.offering, isCurrent: this.isFresh(entry, session) };
  }

  /** Forgets tools that are no more; `tools` are all there are. */
  retain(tools: readonly { id: string }[]): void {
    if (this.entries.size <= tools.length) return;
    const ids = new Set(tools.map(({ id }) => id));
    for (const id of this.entries.keys()) if (!ids.has(id)) this.entries.delete(id);
  }

  private isFresh(entry: Entry, session: ToolSession | null): boolean {
    return session !== null && entry.session === session && entry.isCurrent;
  }

  private async waitFor(toolId: string, session: ToolSession, waitMs: number): Promise<void> {
    const entry = this.entryOf(toolId);
    if (entry.reading === null && performance.now() - entry.readAt < RETRY_MS) return;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)));
    await Promise.race([this.read(toolId, session), limit]);
    clearTimeout(timer);
  }

  /** Never rejects. */
  private read(toolId: string, session: ToolSession): Promise<void> {
    const entry = this.entryOf(toolId);
    if (entry.session !== session) Object.assign(entry, { session, isCurrent: false, reading: null });
    if (entry.reading !== null) return entry.reading;
    const reading = this.ask(toolId, session, entry).finally(() => {
      if (entry.reading !== reading) return;
      entry.reading = null;
      entry.readAt = performance.now();
      if (!entry.isOutdated) return;
      entry.isOutdated = false;
      void this.readAgain(toolId, session);
    });
    entry.reading = reading;
    return reading;
  }

  private async ask(toolId: string, session: ToolSession, entry: Entry): Promise<void> {
    entry.isOutdated = false;
    try {
      const before = entry.offering ?? (await this.offerings.find(toolId));
      const { live: _live, at: _at, ...offering } = await this.offerings.ask(toolId, session);
      if (entry.session !== session) return;
      entry.offering = offering;
      entry.isCurrent = true;
      this.tell(toolId, before, offering);
    } catch (error) {
      // Nobody waits for it at the start: it only makes sure that there is something to remember.
      this.logger.debug('What a tool offers could not be read', { tool: session.tool.name, reason: messageOf(error) });
    }
  }

  /** What is known stays good until the new is there. */
  private async readAgain(toolId: string, session: ToolSession): Promise<void> {
    const entry = this.entryOf(toolId);
    if (entry.session !== session) return;
    const isWaiting = entry.isOutdated;
    entry.isOutdated = true;
    if (entry.reading !== null || isWaiting) return;
    const pause = entry.readAt + PAUSE_MS - performance.now();
    if (pause > 0) await new Promise<void>((resolve) => setTimeout(resolve, pause).unref());
    await this.readOutdated(toolId, session);
  }

  private async readOutdated(toolId: string, session: ToolSession): Promise<void> {
    const { session: current, reading } = this.entryOf(toolId);
    if (current === session && reading === null && !session.signal.aborted) await this.read(toolId, session);
  }

  private tell(toolId: string, before: KeptOffering | null, after: KeptOffering): void {
    const lists = new Set(
      (Object.keys(MEMBERS) as OfferedList[]).filter((list) =>
        MEMBERS[list].some((member) => JSON.stringify(before?.[member] ?? []) !== JSON.stringify(after[member])),
      ),
    );
    if (lists.size === 0) return;
    for (const listener of this.listeners) {
      try {
        listener(toolId, lists);
      } catch (error) {
        this.logger.error('A listener for changed lists failed', { reason: messageOf(error) });
      }
    }
  }

  private entryOf(toolId: string): Entry {
    let entry = this.entries.get(toolId);
    if (entry === undefined) {
      entry = { session: null, offering: null, isCurrent: false, reading: null, isOutdated: false, readAt: -Infinity };
      this.entries.set(toolId, entry);
    }
    return entry;
  }
}
