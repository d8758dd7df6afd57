import type { LogEntry } from './app-logger';
import { toDatedLine, toJsonLine, toReadableLine } from './log-sinks';

const anEntry = (given: Partial<LogEntry> = {}): LogEntry => ({
  at: Date.UTC(2026, 10, 23, 12, 0, 1, 23),
  level: 'info',
  context: 'Tools',
  message: 'Tool started',
  requestId: null,
  data: null,
  stack: null,
  ...given,
});

/** Moves the cursor, ends the line, rings the bell, and two that JSON leaves as they are. */
const EVIL = 'a\r\nb\u001b[2J\u0007c\u007fd\u009be';
const CONTROLS = /[^\P{Cc}\n]/u;

describe('a readable line', () => {
  it('has time, level, context, message and facts', () => {
    expect(toReadableLine(anEntry({ data: { pid: 7 } }))).toBe('12:00:01.023 INFO  [Tools] Tool started {"pid":7}');
    expect(toReadableLine(anEntry({ level: 'error', context: null }))).toBe('12:00:01.023 ERROR [mcps] Tool started');
    expect(toDatedLine(anEntry())).toBe('2026-11-23 12:00:01.023 INFO  [Tools] Tool started');
  });

  it.each([
    ['message', { message: EVIL }],
    ['context', { context: EVIL }],
    ['facts', { data: { text: EVIL } }],
  ])('stays one line and moves no cursor, whatever stands in the %s', (_, given) => {
    const line = toReadableLine(anEntry(given));
    expect(line).not.toMatch(CONTROLS);
    expect(line).not.toContain('\n');
    expect(line).toMatch(/a(\\u000d\\u000a|\\r\\n)b\\u001b\[2J\\u0007c\\u007fd\\u009be/);
  });

  it('shows the stack of errors alone, without the control characters of a message in it', () => {
    const stack = `Error: ${EVIL}\n    at x (y.ts:1:1)`;
    expect(toReadableLine(anEntry({ level: 'warn', stack }))).not.toContain('at x');
    const shown = toReadableLine(anEntry({ level: 'error', stack }));
    expect(shown).toMatch(/\n {4}at x \(y\.ts:1:1\)$/);
    expect(shown).not.toMatch(CONTROLS);
  });
});

describe('a JSON line', () => {
  it('is one line and gives everything back', () => {
    const line = toJsonLine(
      anEntry({ message: EVIL, data: { text: EVIL }, stack: 'Error\n    at x', requestId: 'r-1', level: 'fatal' }),
    );
    expect(line).not.toMatch(/[\r\n]/);
    expect(JSON.parse(line)).toEqual({
      at: '2026-11-23T12:00:01.023Z',
      level: 'fatal',
      context: 'Tools',
      message: EVIL,
      requestId: 'r-1',
      data: { text: EVIL },
      stack: 'Error\n    at x',
    });
  });

  it('leaves out facts and stack where there are none', () => {
    expect(Object.keys(JSON.parse(toJsonLine(anEntry())) as object)).not.toEqual(
      expect.arrayContaining(['data', 'stack']),
    );
    expect(toJsonLine(anEntry())).not.toMatch(/"data"|"stack"/);
  });
});
