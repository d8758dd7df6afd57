import { hostname } from 'node:os';
import type { Client } from 'pg';
import { DataLockedError } from './instance-lock';

/** Any number that nothing else in the database uses for pg_advisory_lock. */
const KEY = 7_262_018;
const NAME = 'mcps-one instance';

/**
 * Keeps a second MCPS.ONE off the same PostgreSQL database: a session lock on a connection of its own, which the server
 * frees when that connection ends, however that happens. Two of us would start the same tools and number the same rows.
 */
export class PostgresLock {
  private constructor(private readonly client: Client) {}

  /** @throws DataLockedError naming host and pid of the holder */
  static async take(url: string, onLost: (error: Error) => void): Promise<PostgresLock> {
    // Loaded only where there is a PostgreSQL: most installations have none.
    const pg = await import('pg');
    const client = new pg.Client({
      connectionString: url,
      application_name: `${NAME} ${hostname().slice(0, 30)} ${process.pid}`,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    // Unheard, the end of the connection would end our process.
    client.on('error', onLost);
    await client.connect();
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [KEY]);
    if (rows[0]?.taken === true) return new PostgresLock(client);
    const holder = await findHolder(client);
    await client.end();
    throw new DataLockedError(`The database ${new URL(url).pathname.slice(1)}`, holder);
  }

  async release(): Promise<void> {
    await this.client.end().catch(() => undefined);
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
