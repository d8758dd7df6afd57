import { hostname } from 'node:os';
import type { Client } from 'pg';
import { messageOf } from '../common/domain-error';
import { DataLockedError } from './instance-lock';

/** Any number that nothing else in the database uses for pg_advisory_lock. */
const KEY = 7_262_018;
const NAME = 'mcps-one instance';

/** Set on a database that is about to take the place of another one: whoever finds it there stays away. */
export const RESTORING_PARAMETER = 'mcps.restoring';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** What becomes of a lock once it was taken. */
export interface LockListener {
  onLost: (reason: string) => void;
  /** Somebody else has it now; told once for each time that it was lost. */
  onTaken: (holder: number | null) => void;
  onRegained: () => void;
}

/**
 * Keeps a second MCPS.ONE off the same PostgreSQL database: a session lock on a connection of its own, which the server
 * frees when that connection ends, however that happens. Two of us would start the same tools and number the same rows.
 * A lock that is lost with the server (F55) is taken again as soon as that is back.
 */
export class PostgresLock {
  private client: Client | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isReleased = false;
  /** Set while another database takes the place of this one, which ends every connection. */
  private isMoving = false;

  private constructor(
    private readonly url: string,
    private readonly listener: LockListener,
  ) {}

  /** @throws DataLockedError naming the pid of the holder */
  static async take(url: string, listener: LockListener): Promise<PostgresLock> {
    const lock = new PostgresLock(url, listener);
    const refusal = await lock.tryToTake();
    if (refusal === null) return lock;
    throw refusal;
  }

  /**
   * Keeps the lock while `work` puts another database into the place of this one: no connection survives that, so the new
   * database carries `token` as its mark until the lock is taken on it.
   */
  async moveWith(token: string, work: () => Promise<void>): Promise<void> {
    this.isMoving = true;
    try {
      await work();
    } finally {
      const { client } = this;
      this.client = null;
      await client?.end().catch(() => undefined);
      // What was done is done, and must not seem to have failed because of this.
      const refusal = await this.tryToTake(token).catch((error: unknown) => messageOf(error));
      this.isMoving = false;
      if (refusal !== null) this.lose(refusal instanceof Error ? refusal.message : refusal);
    }
  }

  async release(): Promise<void> {
    this.isReleased = true;
    if (this.timer) clearTimeout(this.timer);
    const { client } = this;
    this.client = null;
    await client?.end().catch(() => undefined);
  }

  /** Null: it is ours now; else who keeps us from it. Rejects when the server is away. `token`: the mark that is our own. */
  private async tryToTake(token: string | null = null): Promise<DataLockedError | null> {
    const client = await this.connect();
    const name = `The database ${new URL(this.url).pathname.slice(1)}`;
    try {
      const mark = await markOf(client);
      if (mark !== '' && mark !== token) {
        await client.end();
        return new DataLockedError(`${name}, which a restore has not finished with,`, null);
      }
      const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [KEY]);
      if (rows[0]?.taken === true && !this.isReleased) {
        this.client = client;
        return null;
      }
      const holder = await findHolder(client);
      await client.end();
      return new DataLockedError(name, holder);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  private async connect(): Promise<Client> {
    // Loaded only where there is a PostgreSQL: most installations have none.
    const pg = await import('pg');
    const client = new pg.Client({
      connectionString: this.url,
      application_name: `${NAME} ${hostname().slice(0, 30)} ${process.pid}`,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    // Unheard, the end of the connection would end our process.
    client.on('error', (error) => this.onEnd(client, error.message));
    client.on('end', () => this.onEnd(client, 'the connection has ended'));
    await client.connect();
    return client;
  }

  private onEnd(client: Client, reason: string): void {
    if (this.client !== client || this.isMoving) return;
    this.client = null;
    this.lose(reason);
  }

  private lose(reason: string): void {
    this.listener.onLost(reason);
    this.takeLater(FIRST_PAUSE_MS, false);
  }

  private takeLater(pauseMs: number, isTold: boolean): void {
    if (this.isReleased) return;
    this.timer = setTimeout(() => void this.takeAgain(pauseMs, isTold), pauseMs * (0.5 + Math.random())).unref();
  }

  private async takeAgain(pauseMs: number, isTold: boolean): Promise<void> {
    const next = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    const refusal = await this.tryToTake().catch(() => 'away' as const);
    if (refusal === null) {
      this.listener.onRegained();
      return;
    }
    if (refusal !== 'away' && !isTold && !this.isReleased) this.listener.onTaken(refusal.holder);
    this.takeLater(next, isTold || refusal !== 'away');
  }
}

async function markOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ mark: string | null }>(
    `SELECT current_setting('${RESTORING_PARAMETER}', true) AS mark`,
  );
  return rows[0]?.mark ?? '';
}

async function findHolder(client: Client): Promise<number | null> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objid = $1 AND a.datname = current_database()`,
    [KEY],
  );
  const pid = Number(rows[0]?.name.split(' ').at(-1));
  return Number.isInteger(pid) && pid > 0 ? pid : null;
}
