import { hostname } from 'node:os';
import type { Client } from 'pg';
import { DataLockedError } from './instance-lock';

/** Any number that nothing else in the database uses for pg_advisory_lock. */
const KEY = 7_262_018;
const NAME = 'mcps-one instance';

/** Set on a database that is about to take the place of another one: whoever finds it there stays away. */
export const RESTORING_PARAMETER = 'mcps.restoring';

/**
 * Keeps a second MCPS.ONE off the same PostgreSQL database: a session lock on a connection of its own, which the server
 * frees when that connection ends, however that happens. Two of us would start the same tools and number the same rows.
 */
export class PostgresLock {
  /** Set while another database takes the place of this one, which ends every connection. */
  private isMoving = false;

  private constructor(
    private client: Client,
    private readonly url: string,
    private readonly onLost: (error: Error) => void,
  ) {
    this.listen(client);
  }

  /** @throws DataLockedError naming host and pid of the holder */
  static async take(url: string, onLost: (error: Error) => void): Promise<PostgresLock> {
    const client = await lockedClient(url, null);
    return new PostgresLock(client, url, onLost);
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
      await this.client.end().catch(() => undefined);
      try {
        this.client = await lockedClient(this.url, token);
        this.listen(this.client);
      } catch (error) {
        // What was done is done, and must not seem to have failed because of this.
        this.onLost(error instanceof Error ? error : new Error(String(error)));
      }
      this.isMoving = false;
    }
  }

  async release(): Promise<void> {
    this.isMoving = true;
    await this.client.end().catch(() => undefined);
  }

  private listen(client: Client): void {
    client.on('error', (error) => {
      if (!this.isMoving && client === this.client) this.onLost(error);
    });
  }
}

async function lockedClient(url: string, token: string | null): Promise<Client> {
  // Loaded only where there is a PostgreSQL: most installations have none.
  const pg = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    application_name: `${NAME} ${hostname().slice(0, 30)} ${process.pid}`,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
  });
  // Unheard, the end of the connection would end our process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const name = `The database ${new URL(url).pathname.slice(1)}`;
    const mark = await client.query<{ mark: string | null }>(
      `SELECT current_setting('${RESTORING_PARAMETER}', true) AS mark`,
    );
    const found = mark.rows[0]?.mark ?? '';
    if (found !== '' && found !== token)
      throw new DataLockedError(`${name}, which a restore has not finished with,`, null);
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [KEY]);
    if (rows[0]?.taken === true) return client;
    throw new DataLockedError(name, await findHolder(client));
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
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
