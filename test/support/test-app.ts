/**
 * The whole application in this process, on a database and a data folder of its own, listening on a free port of the
 * loopback interface: what e2e tests drive over HTTP.
 *
 *   let app: TestApp;
 *   beforeAll(async () => { app = await startTestApp(); });
 *   afterAll(() => app.stop());
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SchedulerRegistry } from '@nestjs/schedule';
import { createApp } from '../../src/app.setup';
import { AppLogger, type LogEntry } from '../../src/common/app-logger';
import { loadConfig } from '../../src/config/load-config';
import { createTestDatabase } from './test-database';

export const ADMIN_PASSWORD = 'a password of the tests alone';

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed JSON, or the text where it is none. */
  body: any;
}

export interface RequestOptions {
  body?: unknown;
  /** Sent as it is instead of `body` as JSON. */
  raw?: string;
  headers?: Record<string, string>;
  /** Another token than the administrator's; null: none. */
  token?: string | null;
}

export interface TestApp {
  readonly nest: NestFastifyApplication;
  /** http://127.0.0.1:port */
  readonly origin: string;
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** What the system's own log said, from debug up. */
  readonly log: LogEntry[];
  /** The administrator's access token. */
  readonly token: string;
  /** A request under /api/v1 (or anywhere, if the path begins with `//`), as the administrator unless said otherwise. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  get(path: string, options?: RequestOptions): Promise<Answer>;
  post(path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  put(path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  patch(path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  delete(path: string, options?: RequestOptions): Promise<Answer>;
  login(username: string, password: string): Promise<Answer>;
  /** Closes the application; its data stays for `startTestApp({ reuse })`. */
  close(): Promise<void>;
  /** Closes it and removes what it wrote. */
  stop(): Promise<void>;
}

export interface TestAppOptions {
  /** Further environment variables. */
  env?: Record<string, string>;
  /** Another application (closed) whose data and database this one takes over. */
  reuse?: TestApp;
}

const drops = new WeakMap<TestApp, () => Promise<void>>();

export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const { reuse } = options;
  const database = reuse
    ? { url: reuse.databaseUrl, drop: drops.get(reuse) ?? (() => Promise.resolve()) }
    : await createTestDatabase('migrated');
  const dataDir = reuse?.dataDir ?? (await mkdtemp(join(tmpdir(), 'mcps-test-')));
  const config = loadConfig({
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    ENVIRONMENT: 'test',
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    LOG_DIR: join(dataDir, 'logs'),
    ADMIN_PASSWORD,
    PORT: '0',
    // Tests ask more often than people do; those about the limits set them.
    RATE_LIMIT_PER_MINUTE: '0',
    AUTH_RATE_LIMIT_PER_MINUTE: '0',
    ...options.env,
  });
  const log: LogEntry[] = [];
  const logger = new AppLogger('debug');
  logger.addSink((entry) => log.push(entry));
  const nest = await createApp(config, logger);
  await nest.listen(0, '127.0.0.1');
  // Jobs run when a test says so: one that comes every ten minutes, or at two in the morning, is in no test by chance.
  nest.get(SchedulerRegistry, { strict: false }).deleteInterval('scheduler');
  const { port } = nest.getHttpServer().address() as { port: number };
  const origin = `http://127.0.0.1:${port}`;

  const request = async (method: string, path: string, given: RequestOptions = {}): Promise<Answer> => {
    const url = path.startsWith('//') ? origin + path.slice(1) : `${origin}/api/v1${path}`;
    const token = given.token === undefined ? app.token : given.token;
    const text = given.raw ?? (given.body === undefined ? undefined : JSON.stringify(given.body));
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...given.headers,
      },
      ...(text === undefined ? {} : { body: text }),
    });
    return { status: response.status, headers: response.headers, body: parse(await response.text()) };
  };
  const close = async (): Promise<void> => {
    await nest.close();
  };
  const app: TestApp = {
    nest,
    origin,
    dataDir,
    databaseUrl: database.url,
    log,
    token: '',
    request,
    get: (path, given) => request('GET', path, given),
    post: (path, body, given) => request('POST', path, { body, ...given }),
    put: (path, body, given) => request('PUT', path, { body, ...given }),
    patch: (path, body, given) => request('PATCH', path, { body, ...given }),
    delete: (path, given) => request('DELETE', path, given),
    login: (username, password) => request('POST', '/auth/login', { body: { username, password }, token: null }),
    close,
    stop: async () => {
      await close();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
      await database.drop();
    },
  };
  drops.set(app, () => database.drop());
  const { body } = await app.login('admin', options.env?.['ADMIN_PASSWORD'] ?? ADMIN_PASSWORD);
  Object.assign(app, { token: body.accessToken });
  return app;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
