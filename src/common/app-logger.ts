import type { LoggerService } from '@nestjs/common';
import type { LogLevel } from '../config/variables';
import { redact } from './redaction';
import { currentRequest } from './request-context';

/** One line of the system's own log. */
export interface LogEntry {
  /** Epoch milliseconds. */
  at: number;
  level: LogLevel;
  /** The class that speaks. */
  context: string | null;
  message: string;
  requestId: string | null;
  /** Facts as fields; never env values, arguments or tokens. */
  data: Record<string, unknown> | null;
  /** For the console and the file alone: no stack trace leaves the server. */
  stack: string | null;
}

export type LogSink = (entry: LogEntry) => void;

/** How bad a level is, ascending. */
export const SEVERITY: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 };

/** Parts of the framework that list all they have made at each start: of interest to who debugs it. */
const FRAMEWORK = new Set(['InstanceLoader', 'NestApplication', 'NestFactory', 'RouterExplorer', 'RoutesResolver']);

/** How many entries a sink that comes late still gets (the database opens after the first lines are said). */
const REMEMBERED = 200;

/**
 * Nest's logger of the whole process: formats nothing itself, hands entries to its sinks (console, file, database).
 * `new Logger(Name).log('fact', { field })` anywhere ends here.
 */
export class AppLogger implements LoggerService {
  private readonly sinks: LogSink[] = [];
  private readonly remembered: LogEntry[] = [];
  private threshold: number;

  constructor(
    level: LogLevel,
    private readonly now: () => number = Date.now,
  ) {
    this.threshold = SEVERITY[level];
  }

  /** Adds a place where entries go; it gets what was said before it came. Returns how to take it away. */
  addSink(sink: LogSink): () => void {
    for (const entry of this.remembered) sink(entry);
    this.sinks.push(sink);
    return () => {
      const index = this.sinks.indexOf(sink);
      if (index >= 0) this.sinks.splice(index, 1);
    };
  }

  setLevel(level: LogLevel): void {
    this.threshold = SEVERITY[level];
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.write(FRAMEWORK.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    // What ends the start is told once, by main.
    this.write(rest.at(-1) === 'ExceptionHandler' ? 'debug' : 'error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  private write(level: LogLevel, message: unknown, rest: unknown[]): void {
    if (SEVERITY[level] < this.threshold) return;
    const entry = this.toEntry(level, message, rest);
    if (this.remembered.length < REMEMBERED) this.remembered.push(entry);
    for (const sink of this.sinks) sink(entry);
  }

  private toEntry(level: LogLevel, message: unknown, rest: unknown[]): LogEntry {
    // Nest appends the context as the last text; a text before it is a stack trace, objects are facts.
    const texts = rest.filter((item): item is string => typeof item === 'string');
    const facts = rest.filter(isRecord);
    const request = currentRequest();
    if (request?.trace) facts.push({ traceId: request.trace.traceId });
    const error = [message, ...rest].find((item) => item instanceof Error);
    return {
      at: this.now(),
      level,
      context: texts.at(-1) ?? null,
      message: redact(textOf(message)),
      requestId: request?.requestId ?? null,
      data: facts.length > 0 ? redacted(Object.assign({}, ...facts) as Record<string, unknown>) : null,
      stack: redactedOrNull(error?.stack ?? (texts.length > 1 ? (texts[0] ?? null) : null)),
    };
  }
}

/** Facts with what is secret in them hidden; as they are where they can't be read as JSON, which is for the sinks to say. */
function redacted(facts: Record<string, unknown>): Record<string, unknown> {
  try {
    const text = JSON.stringify(facts);
    const hidden = redact(text);
    return hidden === text ? facts : (JSON.parse(hidden) as Record<string, unknown>);
  } catch {
    return facts;
  }
}

function redactedOrNull(text: string | null): string | null {
  return text === null ? null : redact(text);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Error) && !Array.isArray(value);
}

/** A logger must not throw, whatever it is given. */
function textOf(message: unknown): string {
  if (message instanceof Error) return message.message;
  if (typeof message === 'string') return message;
  try {
    const json = JSON.stringify(message) as string | undefined;
    return json ?? String(message);
  } catch {
    return String(message);
  }
}
