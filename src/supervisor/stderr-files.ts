import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { STDERR_FILE_LIMITS, StderrFile, type StderrFileLimits } from './stderr-file';
import type { StderrSink } from './stderr-ring';

/** What names a tool's file. */
export interface NamedTool {
  id: string;
  name: string;
}

/** How long a shutdown waits for a disk. */
const CLOSE_MS = 2_000;

/** The files that the stderr of all tools goes to: LOG_DIR/tools/<name>.<end of the id>.log. */
export class StderrFiles {
  /** Lines that could not be written since the start, for a disk that was full, slow or not ours. */
  lostLines = 0;
  private readonly logger = new Logger('StderrFiles');
  /** Those that may be open. */
  private readonly files = new Set<StderrFile>();
  private readonly troubled = new Set<StderrFile>();

  constructor(
    private readonly logDir: string,
    private readonly limits: StderrFileLimits = STDERR_FILE_LIMITS,
  ) {}

  /** A sink for one tool; nothing is opened before its first line. `tool` is asked at each opening. */
  sinkFor(tool: () => NamedTool): StderrSink {
    const file: StderrFile = new StderrFile({
      path: () => join(this.logDir, 'tools', fileNameOf(tool())),
      limits: this.limits,
      onTrouble: (error) => this.onTrouble(file, error),
      onRecovery: () => this.onRecovery(file),
      onLost: (lines) => {
        this.lostLines += lines;
      },
    });
    return {
      write: (lines) => {
        this.files.add(file);
        file.write(lines);
      },
      end: () => void this.end(file),
    };
  }

  /** Writes and closes everything, or gives up after a while. Never rejects. */
  async close(): Promise<void> {
    const limit = new AbortController();
    const closed = Promise.all([...this.files].map((file) => this.end(file)));
    await Promise.race([closed, delay(CLOSE_MS, undefined, { signal: limit.signal }).catch(() => undefined)]);
    limit.abort();
  }

  private async end(file: StderrFile): Promise<void> {
    file.end();
    await file.settled();
    // A new child may have begun to write meanwhile.
    if (!file.isClosed) return;
    this.files.delete(file);
    this.troubled.delete(file);
  }

  /** One warning for all of them: a full disk is one piece of news, not one for each tool. */
  private onTrouble(file: StderrFile, error: Error): void {
    if (this.troubled.size === 0) {
      this.logger.warn("The stderr of tools can't be written to LOG_DIR/tools; they go on without", {
        error: error.message,
      });
    }
    this.troubled.add(file);
  }

  private onRecovery(file: StderrFile): void {
    this.troubled.delete(file);
    if (this.troubled.size > 0) return;
    this.logger.log('The stderr of tools is written again', { lostLines: this.lostLines });
  }
}

/** The name for eyes, the id so that two tools that bore one name one after the other don't share a file. */
function fileNameOf({ id, name }: NamedTool): string {
  // The end of the id: its beginning is a time, which tools that were imported together share.
  return `${name}.${id.slice(-8)}`.replace(/[^\w.-]/g, '_') + '.log';
}
