import { newId } from '../common/ids';
import { type LogEntryRow, type LogName, type Loss, type LossReason, PLACE, type RowValues } from './log-batch';

const WARN = 2;
/** Tools named in one marker; the rest is in the sum. */
const NAMED = 50;

/** What was lost since the last marker row, by tool and reason. */
export class Losses {
  private readonly entries = new Map<string, Loss>();

  get isEmpty(): boolean {
    return this.entries.size === 0;
  }

  add(losses: readonly Loss[]): void {
    for (const loss of losses) {
      const key = [loss.log, loss.tool, loss.reason, loss.what].join('\n');
      const known = this.entries.get(key);
      if (!known) {
        this.entries.set(key, { ...loss });
        continue;
      }
      known.count += loss.count;
      known.from = Math.min(known.from, loss.from);
      known.to = Math.max(known.to, loss.to);
    }
  }

  list(): Loss[] {
    return [...this.entries.values()];
  }

  /** All that was lost, and begins anew. */
  take(): Loss[] {
    // Nearly always. An emptied map points to a new one (ADR 47), and this is asked for with each batch.
    if (this.isEmpty) return [];
    const losses = this.list();
    this.entries.clear();
    return losses;
  }
}

/** The loss of rows, or of their payloads, added up by tool. */
export function lossesOf(rows: readonly LogEntryRow[], reason: LossReason, what: Loss['what'], now: number): Loss[] {
  const sum = new Losses();
  for (const { log, values } of rows) sum.add([lossOf(log, values, reason, what, now)]);
  return sum.take();
}

function lossOf(log: LogName, values: RowValues, reason: LossReason, what: Loss['what'], now: number): Loss {
  const at = Number(values[PLACE.at] ?? now);
  const tool = log === 'mcp' ? String(values[PLACE.toolName]) : null;
  return { log, tool, reason, what, count: 1, from: at, to: at };
}

/** The one row of the system log that says what is missing, and from when to when. */
export function markerRow(losses: readonly Loss[], now: number): LogEntryRow {
  const count = (what: Loss['what']) =>
    losses.filter((loss) => loss.what === what).reduce((sum, loss) => sum + loss.count, 0);
  const from = new Date(Math.min(...losses.map((loss) => loss.from))).toISOString();
  const to = new Date(Math.max(...losses.map((loss) => loss.to))).toISOString();
  const records = count('record');
  const payloads = count('payload');
  const lost = [
    ...(records > 0 ? [`${records} log records`] : []),
    ...(payloads > 0 ? [`the payloads of ${payloads} more`] : []),
  ];
  const message = `${lost.join(' and ')} were lost from ${from} to ${to}`;
  const tools = losses.slice(0, NAMED).map(({ log, tool, reason, what, count: lostOfIt }) => {
    return { log, tool, reason, what, count: lostOfIt };
  });
  return {
    log: 'system',
    values: [
      newId(),
      now,
      WARN,
      'Recorder',
      message,
      null,
      JSON.stringify({ records, payloads, from, to, lost: tools }),
    ],
  };
}
