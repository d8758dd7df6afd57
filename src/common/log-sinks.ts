import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import type { LogEntry, LogSink } from './app-logger';

/** JSON lines for machines: one entry, one line, control characters escaped by JSON itself. */
export function toJsonLine(entry: LogEntry): string {
  const { at, stack, data, ...rest } = entry;
  return JSON.stringify({
    at: new Date(at).toISOString(),
    ...rest,
    ...(data ? { data } : {}),
    ...(stack ? { stack } : {}),
  });
}

/** A line for eyes. */
export function toReadableLine(entry: LogEntry): string {
  const time = new Date(entry.at).toISOString().slice(11, 23);
  const data = entry.data ? ' ' + JSON.stringify(entry.data) : '';
  const line = escapeControls(
    `${time} ${entry.level.toUpperCase().padEnd(5)} [${entry.context ?? 'mcps'}] ${entry.message}${data}`,
  );
  if (!entry.stack || (entry.level !== 'error' && entry.level !== 'fatal')) return line;
  return [line, ...entry.stack.split('\n').map(escapeControls)].join('\n');
}

/** To standard output: JSON lines in production, else readable. */
export function consoleSink(options: { json: boolean }): LogSink {
  const format = options.json ? toJsonLine : toReadableLine;
  // Whoever read our output may be gone (`| head`): that is no reason to go down.
  process.stdout.on('error', () => undefined);
  return (entry) => void process.stdout.write(format(entry) + '\n');
}

/** Appends JSON lines to a file (made with its folder, mode 0600). A file that can't be written is said once, not thrown. */
export class FileSink {
  private readonly stream: WriteStream;
  private broken = false;
  private closing: Promise<void> | null = null;

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
    this.stream.on('error', (error) => {
      if (!this.broken) process.stderr.write(`The log file ${file} can't be written: ${error.message}\n`);
      this.broken = true;
    });
  }

  readonly write: LogSink = (entry) => {
    if (!this.broken && this.closing === null) this.stream.write(toJsonLine(entry) + '\n');
  };

  /** Writes what is left; idempotent. Entries that come later are not for the file any more. */
  close(): Promise<void> {
    this.closing ??= this.broken ? Promise.resolve() : new Promise((resolve) => this.stream.end(() => resolve()));
    return this.closing;
  }
}

/** A message of a child or a client must not move the cursor of who reads the log. */
function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
