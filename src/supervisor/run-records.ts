import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { machineLife, ticksSinceBoot } from './machine-life';
import { readProcess } from './process-table';
import { BeatFile } from './run-beat';
import { parseRunRecord, type RunRecord } from './run-record';

/** How often it is written down whose leaders live, in milliseconds. */
const BEAT_MS = 5_000;
/** The first time soon after a start, when its helpers have just been born. */
const FIRST_BEAT_MS = 1_000;
const BEAT_FILE = 'alive';

/** A record as it was found, with the last moment (in ticks) at which its leader was seen alive. */
export interface FoundRun {
  record: RunRecord;
  lastLedAt: number;
}

/** A run that has been written down. */
interface KeptRun {
  /** Whether its leader has not been reaped: as long as that is so, nobody else can have its number. */
  leads: () => boolean;
}

/**
 * The journal of what runs, one small file a run in DATA_DIR/runs: written and flushed before a child is used, removed
 * when nothing of it is left. What is found there at a start is what an earlier MCPS.ONE could not clear away.
 *
 * Nothing here waits on the main thread for the disk. A journal that can't be written stops nothing: `trouble` tells it.
 */
export class RunRecords {
  private readonly kept = new Map<string, KeptRun>();
  private timer: NodeJS.Timeout | null = null;
  private beating: Promise<void> = Promise.resolve();
  private lastTrouble: string | null = null;
  private readonly life = machineLife();
  private readonly beatFile: BeatFile;

  constructor(readonly folder: string) {
    this.beatFile = new BeatFile(join(folder, BEAT_FILE));
  }

  /** Why the journal could not be written last; null while it can. */
  get trouble(): string | null {
    return this.lastTrouble;
  }

  newId(): string {
    return randomUUID();
  }

  /** Where a container client is to write the id of its container. */
  cidFileOf(id: string): string {
    return join(this.folder, `${id}.cid`);
  }

  /** Makes the folder: what writes into it (a container client, say) may come before the first record. */
  async prepare(): Promise<void> {
    await this.attempt(() => mkdir(this.folder, { recursive: true, mode: 0o700 }));
  }

  /** Writes a run down, on the disk when it resolves. `leads`: whether its leader still is our child. */
  async keep(run: Omit<RunRecord, 'startTicks' | 'life'>, leads: () => boolean): Promise<void> {
    const startTicks = readProcess(run.pid)?.startTicks ?? null;
    const record: RunRecord = { ...run, startTicks, life: this.life };
    this.kept.set(run.id, { leads });
    await this.attempt(() => this.replace(`${run.id}.json`, JSON.stringify(record)));
    this.beatIn(FIRST_BEAT_MS);
  }

  /** Nothing of the run is left. */
  async drop(id: string): Promise<void> {
    this.kept.delete(id);
    if (this.kept.size === 0) this.stopBeating();
    await this.remove(id);
  }

  /** What an earlier life of ours wrote down; what can't be read is told by its file's name. */
  async load(): Promise<{ runs: FoundRun[]; unreadable: string[] }> {
    const names = await readdir(this.folder).catch(() => []);
    const alive = await this.beatFile.read();
    const runs: FoundRun[] = [];
    const unreadable: string[] = [];
    for (const name of names.filter((entry) => entry.endsWith('.json'))) {
      const record = parseRunRecord(await readFile(join(this.folder, name), 'utf8').catch(() => ''));
      // The name counts: what is removed later must be the file that was read.
      if (record === null || `${record.id}.json` !== name) unreadable.push(name);
      else runs.push({ record, lastLedAt: alive?.ids.has(record.id) && alive.life === record.life ? alive.at : 0 });
    }
    return { runs, unreadable };
  }

  /** Clears away what `load` has found, but for the runs that are not done with. */
  async clear(unfinished: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.folder).catch(() => []);
    const isDone = (name: string) => /\.(json|cid|tmp)$/.test(name) && !unfinished.has(name.replace(/\.\w+$/, ''));
    for (const name of names.filter(isDone)) await rm(join(this.folder, name), { force: true }).catch(() => undefined);
  }

  /** Removes one run's files. */
  async remove(id: string): Promise<void> {
    for (const file of [join(this.folder, `${id}.json`), this.cidFileOf(id)]) {
      await rm(file, { force: true }).catch(() => undefined);
    }
  }

  /** Nothing runs any more. */
  end(): void {
    this.kept.clear();
    this.stopBeating();
  }

  private stopBeating(): void {
    clearTimeout(this.timer ?? undefined);
    this.timer = null;
    this.beating = this.beating.then(() => this.beatFile.close()).catch(() => undefined);
  }

  private beatIn(ms: number): void {
    clearTimeout(this.timer ?? undefined);
    this.timer = setTimeout(() => {
      this.beating = this.beating.then(() => this.beat());
      this.beatIn(BEAT_MS);
    }, ms);
    this.timer.unref();
  }

  /**
   * Writes down whose leaders live now: a later run of ours then knows until when a session's number was that leader's
   * (see `provenMembers`). Not flushed: it outlives the end of our process, and after one of the machine it means nothing.
   */
  private async beat(): Promise<void> {
    const { life } = this;
    // The time first: whoever is found to lead after it has led at it.
    const at = ticksSinceBoot();
    const ids = new Set([...this.kept].filter(([, run]) => run.leads()).map(([id]) => id));
    if (at === null || life === null || ids.size === 0) return;
    await this.attempt(() => this.beatFile.write({ life, at, ids }));
  }

  /** The whole text or what was there before, never a part of it; flushed. */
  private async replace(name: string, text: string): Promise<void> {
    const path = join(this.folder, name);
    const draft = `${path}.tmp`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  }

  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.lastTrouble = null;
    } catch (error) {
      this.lastTrouble = error instanceof Error ? error.message : String(error);
    }
  }
}
