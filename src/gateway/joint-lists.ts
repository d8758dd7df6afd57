import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { DomainError } from '../common/domain-error';
import { isRecord } from '../mcp/call-params';
import { KnownOfferings, type OfferedList } from '../tools/known-offerings';
import type { KeptOffering } from '../tools/offering.service';
import { ToolCatalogue, type ToolFacts } from '../tools/tool-catalogue';
import { JointAddresses } from './joint-addresses';
import { JointCursors } from './joint-cursors';
import { jointName } from './joint-names';

/** A tool whose lists are not in a joint list, and why. */
export interface LeftOut {
  tool: string;
  reason: string;
}

/** What one caller sees of all tools, at one moment and in the order they were made. */
export interface JointView {
  offered: readonly { facts: ToolFacts; offering: KeptOffering }[];
  leftOut: readonly LeftOut[];
}

export interface JointPage {
  /** JSON of each entry. */
  entries: readonly string[];
  nextCursor: string | null;
  leftOut: readonly LeftOut[];
}

export type JointListMethod = 'tools/list' | 'prompts/list' | 'resources/list' | 'resources/templates/list';

/** The member of result and offering that holds the entries. */
export const MEMBERS = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
} as const satisfies Record<JointListMethod, keyof KeptOffering>;

/** Slower tools are listed as they were last seen, or left out. */
const PATIENCE_MS = 3_000;
/** So long nobody waits again for a tool that was too slow or could not be started. */
const GRUDGE_MS = 30_000;
/** Clients that don't follow cursors are many, so a page is large. */
const PAGE_ENTRIES = 500;
const MAX_VIEWS = 100;
const LATE = 'it has not said yet what it offers';

/** The lists of all tools that a caller may use, merged. None waits for a tool that is slow or broken. */
@Injectable()
export class JointLists {
  private readonly cursors = new JointCursors();
  /** Entries as JSON, as long as the offering they were made from is the one that counts. */
  private readonly texts = new WeakMap<KeptOffering, Map<string, readonly string[]>>();
  /** Tools for which waiting was in vain, until when that is remembered, and why it was. */
  private readonly grudges = new Map<string, { until: number; reason: string }>();
  private readonly addressBooks = new Map<string, { view: JointView; addresses: JointAddresses }>();

  constructor(
    private readonly catalogue: ToolCatalogue,
    private readonly known: KnownOfferings,
  ) {}

  /** The tools a caller may use; those that are disabled are none. */
  async visible({ toolIds }: Principal): Promise<readonly ToolFacts[]> {
    const all = await this.catalogue.list();
    this.known.retain(all);
    return all.filter(({ id, enabled }) => enabled && (toolIds === null || toolIds.has(id)));
  }

  find(tool: string): Promise<ToolFacts | null> {
    return this.catalogue.find(tool);
  }

  /** @throws RpcRefusal for a cursor that is none of ours */
  async page(method: JointListMethod, principal: Principal, cursor: unknown): Promise<JointPage> {
    const from = cursor === undefined ? null : this.cursors.read(method, cursor);
    const view = await this.view(principal);
    const addresses = this.addressesOf(view);
    const entries: string[] = [];
    // A tool that is gone since has no place any more: what comes after it is told by its age, which is in its id.
    const rest = from === null ? view.offered : view.offered.filter(({ facts }) => facts.id >= from.toolId);
    for (const { facts, offering } of rest) {
      const own = this.entriesOf(method, facts.name, offering, addresses);
      const start = from?.toolId === facts.id ? from.index : 0;
      const taken = own.slice(start, start + PAGE_ENTRIES - entries.length);
      entries.push(...taken);
      if (start + taken.length < own.length) {
        const nextCursor = this.cursors.write(method, { toolId: facts.id, index: start + taken.length });
        return { entries, nextCursor, leftOut: view.leftOut };
      }
    }
    return { entries, nextCursor: null, leftOut: view.leftOut };
  }

  /** `patienceMs` 0: only what is in memory. */
  async view(principal: Principal, patienceMs = PATIENCE_MS): Promise<JointView> {
    const visible = await this.visible(principal);
    const looked = await Promise.all(visible.map((facts) => this.look(facts, patienceMs)));
    const offered: { facts: ToolFacts; offering: KeptOffering }[] = [];
    const leftOut: LeftOut[] = [];
    for (const [index, facts] of visible.entries()) {
      const found = looked[index];
      if (typeof found === 'string') leftOut.push({ tool: facts.name, reason: found });
      else if (found !== undefined) offered.push({ facts, offering: found });
    }
    return { offered, leftOut };
  }

  /** Whose address is whose, for one caller. */
  async addresses(principal: Principal, patienceMs = 0): Promise<JointAddresses> {
    return this.addressesOf(await this.view(principal, patienceMs));
  }

  /** What a tool offers, or why that is not known. */
  private async look({ id, desired }: ToolFacts, patienceMs: number): Promise<KeptOffering | string> {
    if (desired === 'stopped') return 'it was stopped';
    const grudge = this.grudgeOf(id);
    const session = this.catalogue.session(id);
    const found = await this.known.of(id, session, grudge === null ? patienceMs : 0);
    if (found !== null) {
      if (session !== null && !found.isCurrent && patienceMs > 0) this.bear(id, LATE);
      return found.offering;
    }
    if (grudge !== null) return grudge;
    if (patienceMs === 0) return LATE;
    const seen = session === null ? await this.lookAtFirst(id, patienceMs) : LATE;
    if (typeof seen === 'string') this.bear(id, seen);
    return seen;
  }

  /** Nobody has ever seen what it offers, so it is started for that; whoever comes later has it from memory. */
  private async lookAtFirst(id: string, patienceMs: number): Promise<KeptOffering | string> {
    const until = performance.now() + patienceMs;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), patienceMs)));
    try {
      const session = await Promise.race([this.catalogue.wake(id), late]);
      if (session === null) return 'it is still being started';
      const found = await this.known.of(id, session, Math.max(0, until - performance.now()));
      return found?.offering ?? LATE;
    } catch (error) {
      return error instanceof DomainError ? error.message : 'it could not be started';
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lists are asked for often: neither does each of them wait, nor does each begin another start in vain. */
  private bear(id: string, reason: string): void {
    this.grudges.set(id, { until: performance.now() + GRUDGE_MS, reason });
  }

  private grudgeOf(id: string): string | null {
    const grudge = this.grudges.get(id);
    if (grudge !== undefined && grudge.until > performance.now()) return grudge.reason;
    this.grudges.delete(id);
    return null;
  }

  private entriesOf(
    method: JointListMethod,
    tool: string,
    offering: KeptOffering,
    addresses: JointAddresses,
  ): readonly string[] {
    const entries = offering[MEMBERS[method]];
    if (method === 'resources/list') return entries.map((entry) => withAddress(entry, 'uri', tool, addresses));
    if (method === 'resources/templates/list')
      return entries.map((entry) => withAddress(entry, 'uriTemplate', tool, addresses));
    let texts = this.texts.get(offering);
    if (texts === undefined) this.texts.set(offering, (texts = new Map<string, readonly string[]>()));
    const key = `${method} ${tool}`;
    let made = texts.get(key);
    if (made === undefined) texts.set(key, (made = entries.flatMap((entry) => named(entry, tool))));
    return made;
  }

  private addressesOf(view: JointView): JointAddresses {
    const key = view.offered.map(({ facts }) => facts.id).join(' ');
    const known = this.addressBooks.get(key);
    if (known !== undefined && sameOfferings(known.view, view)) return known.addresses;
    const addresses = new JointAddresses(
      view.offered.map(({ facts, offering }) => ({
        tool: facts.name,
        uris: textsOf(offering.resources, 'uri'),
        templates: textsOf(offering.resourceTemplates, 'uriTemplate'),
      })),
    );
    if (this.addressBooks.size >= MAX_VIEWS) this.addressBooks.clear();
    this.addressBooks.set(key, { view, addresses });
    return addresses;
  }
}

export const LIST_CHANGED: Record<OfferedList, string> = {
  tools: 'notifications/tools/list_changed',
  prompts: 'notifications/prompts/list_changed',
  resources: 'notifications/resources/list_changed',
};

function sameOfferings(a: JointView, b: JointView): boolean {
  return a.offered.every(({ facts, offering }, index) => {
    const other = b.offered[index];
    return other?.offering === offering && other.facts.name === facts.name;
  });
}

/** None for what has no name: nobody could call it. */
function named(entry: unknown, tool: string): string[] {
  if (!isRecord(entry) || typeof entry.name !== 'string') return [];
  return [JSON.stringify({ ...entry, name: jointName(tool, entry.name) })];
}

function withAddress(entry: unknown, member: string, tool: string, addresses: JointAddresses): string {
  if (!isRecord(entry)) return JSON.stringify(entry);
  const address = entry[member];
  return JSON.stringify(typeof address === 'string' ? { ...entry, [member]: addresses.shown(tool, address) } : entry);
}

function textsOf(entries: readonly unknown[], member: string): string[] {
  return entries.flatMap((entry) => {
    const value = isRecord(entry) ? entry[member] : undefined;
    return typeof value === 'string' ? [value] : [];
  });
}
