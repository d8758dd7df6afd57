import { hostname } from 'node:os';
import type { Client } from 'pg';
import { DataLockedError } from './instance-lock';

/** Any number that nothing else in the database uses for pg_advisory_lock. */
const KEY = 7_262_018;
const NAME = 'mcps-one instance';

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

  private constructor(
    private readonly url: string,
    private readonly listener: LockListener,
  ) {}

  /** @throws DataLockedError naming the pid of the holder */
  static async take(url: string, listener: LockListener): Promise<PostgresLock> {
    const lock = new PostgresLock(url, listener);
    const holder = await lock.tryToTake();
    if (holder === undefined) return lock;
    throw new DataLockedError(`The database ${new URL(url).pathname.slice(1)}`, holder);
  }

  async release(): Promise<void> {
    this.isReleased = true;
    if (this.timer) clearTimeout(this.timer);
    const { client } = this;
    this.client = null;
    await client?.end().catch(() => undefined);
  }

  /** Undefined: it is ours now; else the pid of the holder, where that can be told. Rejects when the server is away. */
  private async tryToTake(): Promise<number | null | undefined> {
    const client = await this.connect();
    try {
      const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [KEY]);
      if (rows[0]?.taken === true && !this.isReleased) {
        this.client = client;
        return undefined;
      }
      const holder = await findHolder(client);
      await client.end();
      return holder;
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
    if (this.client !== client) return;
    this.client = null;
    this.listener.onLost(reason);
    this.takeLater(FIRST_PAUSE_MS, false);
  }

  private takeLater(pauseMs: number, isTold: boolean): void {
    if (this.isReleased) return;
    this.timer = setTimeout(() => void this.takeAgain(pauseMs, isTold), pauseMs * (0.5 + Math.random())).unref();
  }

  private async takeAgain(pauseMs: number, isTold: boolean): Promise<void> {
    const next = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    const holder = await this.tryToTake().catch(() => 'away' as const);
    if (holder === undefined) {
      this.listener.onRegained();
      return;
    }
    if (holder !== 'away' && !isTold && !this.isReleased) this.listener.onTaken(holder);
    this.takeLater(next, isTold || holder !== 'away');
  }
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
