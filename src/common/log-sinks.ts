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

/** The same with its day, for a file that is read later. */
export function toDatedLine(entry: LogEntry): string {
  return `${new Date(entry.at).toISOString().slice(0, 10)} ${toReadableLine(entry)}`;
}

/** To standard output: JSON lines in production, else readable. */
export function consoleSink(options: { json: boolean }): LogSink {
  const format = options.json ? toJsonLine : toReadableLine;
  // Whoever read our output may be gone (`| head`): that is no reason to go down.
  process.stdout.on('error', () => undefined);
  return (entry) => void process.stdout.write(format(entry) + '\n');
}

/** A message of a child or a client must not move the cursor of who reads the log. */
function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
