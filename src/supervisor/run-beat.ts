import { type FileHandle, open, readFile, rename } from 'node:fs/promises';

/** Times are written so wide. */
const TIME_WIDTH = 16;
/** So many beats at most go into one file. */
const BEATS_OF_A_FILE = 12;

/** Which leaders were alive at one moment. */
export interface Beat {
  life: string;
  /** In ticks since the machine began. */
  at: number;
  ids: ReadonlySet<string>;
}

/**
 * The file that tells when the leaders of runs were last seen alive. It is written every few seconds, and mostly the same
 * ones live as before: then only the time is written over, in place. It stands at the beginning and is as wide each time, so
 * all of it is there or nothing. Who lives is never written over: a new file takes the place of the old one.
 */
export class BeatFile {
  private current: { file: FileHandle; rest: string; left: number } | null = null;

  constructor(private readonly path: string) {}

  async write({ life, at, ids }: Beat): Promise<void> {
    const time = `{"at":${String(at).padStart(TIME_WIDTH)}`;
    const rest = `,${JSON.stringify({ life, ids: [...ids] }).slice(1)}`;
    if (this.current?.rest === rest && this.current.left > 0) {
      this.current.left--;
      await this.overwrite(this.current.file, time);
      return;
    }
    await this.close();
    const draft = `${this.path}.tmp`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(time + rest);
      await rename(draft, this.path);
    } catch (error) {
      await file.close();
      throw error;
    }
    // Made anew now and then nevertheless, should somebody have taken it away.
    this.current = { file, rest, left: BEATS_OF_A_FILE - 1 };
  }

  private async overwrite(file: FileHandle, time: string): Promise<void> {
    try {
      await file.write(time, 0, 'latin1');
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** The next beat begins a new file. */
  async close(): Promise<void> {
    const { current } = this;
    this.current = null;
    await current?.file.close();
  }

  /** Null: there is none, or a damaged one. */
  async read(): Promise<Beat | null> {
    try {
      const { life, at, ids } = JSON.parse(await readFile(this.path, 'utf8')) as Record<string, unknown>;
      if (typeof life !== 'string' || typeof at !== 'number' || !Array.isArray(ids)) return null;
      return { life, at, ids: new Set(ids.filter((id) => typeof id === 'string')) };
    } catch {
      return null;
    }
  }
}
