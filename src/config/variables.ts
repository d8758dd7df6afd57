import { parseDatabaseUrl } from './database-url';
import { boolean, hostName, integer, list, network, oneOf, origin, type Parser, path, text } from './parsers';

export const ENVIRONMENTS = ['development', 'production', 'test'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const ISOLATIONS = ['process-group', 'bwrap'] as const;

interface Variable<T> {
  parse: Parser<T>;
  /** What holds when the variable is unset, as README's table and .env.example say it. */
  defaultText: string;
  description: string;
}

const variable = <T>(parse: Parser<T>, defaultText: string, description: string): Variable<T> => ({
  parse,
  defaultText,
  description,
});

/**
 * Every environment variable that MCPS.ONE reads: the promise to its users. `.env.example` and the table of README.md
 * are tested against this list. Defaults that depend on another variable are filled in by `loadConfig`.
 */
export const VARIABLES = {
  PROJECT_NAME: variable(text({ minLength: 1 }), 'MCPS.ONE', 'name shown in the API documentation'),
  ENVIRONMENT: variable<(typeof ENVIRONMENTS)[number]>(
    oneOf(ENVIRONMENTS, { dev: 'development', prod: 'production', testing: 'test' }),
    'development',
    'development, production or test; production refuses weak secrets and logs JSON lines',
  ),
  DEBUG: variable(boolean(), 'false', 'true logs at level debug, database statements included (never their values)'),
  HOST: variable(
    text({ pattern: /^[A-Za-z0-9.:[\]-]+$/ }),
    '127.0.0.1',
    'address to listen on; in a container 0.0.0.0',
  ),
  PORT: variable(integer({ min: 0, max: 65_535 }), '8000', 'port to listen on; 0 takes any free one'),
  API_V1_STR: variable(
    text({ pattern: /^(\/[A-Za-z0-9._~-]+)+$/, explain: 'must be a path such as /api/v1' }),
    '/api/v1',
    'base path of the API',
  ),
  DATABASE_URL: variable(
    parseDatabaseUrl,
    'sqlite:///DATA_DIR/mcps.db',
    'sqlite:///./relative.db, sqlite:////absolute.db, sqlite::memory: (tests) or postgresql://user:password@host/db',
  ),
  SECRET_KEY: variable(
    text({ minLength: 1 }),
    'generated into DATA_DIR/secret-key',
    'signs tokens and encrypts stored secrets; required in production, at least 32 random characters',
  ),
  SECRET_KEY_OLD: variable(
    text({ minLength: 1 }),
    'none',
    'the SECRET_KEY until now; read by `npm run secrets:rotate` alone, which changes it',
  ),
  ACCESS_TOKEN_EXPIRE_MINUTES: variable(integer({ min: 1, max: 1440 }), '30', 'life of an access token, in minutes'),
  CORS_ORIGINS: variable(
    list(origin),
    'http://localhost:3000,http://localhost:5173 in development, else none',
    'origins whose pages may call the API; JSON array or comma separated',
  ),
  ALLOWED_HOSTS: variable(
    list(hostName),
    'localhost,127.0.0.1,[::1] and HOST',
    'accepted Host headers; JSON array or comma separated, * for any',
  ),
  TRUSTED_PROXIES: variable(
    list(network),
    'none',
    'addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-* headers are believed; JSON array or comma separated',
  ),
  RATE_LIMIT_PER_MINUTE: variable(
    integer({ min: 0, max: 1_000_000 }),
    '6000',
    'requests a minute that one user or API key may make; 0 sets no limit',
  ),
  AUTH_RATE_LIMIT_PER_MINUTE: variable(
    integer({ min: 0, max: 1_000_000 }),
    '60',
    'logins, refreshes and password changes a minute that one address may make; 0 sets no limit',
  ),
  LOG_LEVEL: variable<LogLevel>(
    oneOf(LOG_LEVELS, { trace: 'debug', verbose: 'debug', log: 'info', warning: 'warn', critical: 'fatal' }),
    'info',
    'debug, info, warn, error or fatal, in upper or lower case',
  ),
  LOG_FILE: variable(
    path(),
    'LOG_DIR/app.log',
    "file that receives the system's own log; rotated by size and day, JSON lines in production",
  ),
  LOG_DIR: variable(path(), './logs', 'folder of the log files'),
  LOG_SPOOL_MAX_BYTES: variable(
    integer({ min: 1_048_576, max: 1_099_511_627_776 }),
    '536870912',
    'most that DATA_DIR/spool may hold of log rows while the database is away, in bytes; at most 20 % of the free disk',
  ),
  DATA_DIR: variable(path(), './data', 'folder of the database and of generated secrets (made with mode 0700)'),
  BACKUP_DIR: variable(path(), 'DATA_DIR/backups', 'folder of the backups; best on another disk'),
  BACKUP_ENCRYPTION: variable(
    boolean(),
    'true if SECRET_KEY is set',
    'whether backup files are encrypted; a key that is generated into DATA_DIR would be lost together with the data',
  ),
  BACKUP_MAX_UPLOAD_BYTES: variable(
    integer({ min: 1_048_576, max: 1_099_511_627_776 }),
    '10737418240',
    'largest backup file that can be uploaded, in bytes',
  ),
  STATIC_DIR: variable(path(), 'none', 'folder with a built dashboard, served at /'),
  MCP_TIMEOUT: variable(
    integer({ min: 1, max: 3600 }),
    '30',
    'seconds that a request to a tool may take unless the tool says otherwise',
  ),
  MCP_MAX_RETRIES: variable(
    integer({ min: 0, max: 100 }),
    '3',
    'restarts in a row before a tool counts as failed, unless the tool says otherwise',
  ),
  MCP_HEALTH_INTERVAL: variable(
    integer({ min: 0, max: 86_400 }),
    '60',
    'seconds that a running tool may be silent before it is asked whether it is still there; 0 never asks',
  ),
  MCP_MAX_MESSAGE_BYTES: variable(
    integer({ min: 65_536, max: 268_435_456 }),
    '16777216',
    'largest message accepted from a tool, in bytes; a larger one fails the call it answers',
  ),
  MCP_ENV_PASSTHROUGH: variable(
    list((entry) => text({ pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, explain: `has "${entry}", no variable name` })(entry)),
    'none',
    'names of further variables of our environment that tools inherit; JSON array or comma separated',
  ),
  MCP_ISOLATION: variable<(typeof ISOLATIONS)[number]>(
    oneOf(ISOLATIONS, { none: 'process-group', bubblewrap: 'bwrap' }),
    'process-group',
    'process-group, or bwrap: tools run inside bubblewrap, where nothing of them can be left over and our data is hidden',
  ),
  TOOLS_ALLOW_INLINE_CODE: variable(
    boolean(),
    'false',
    'true accepts tools with inline code (node -e, sh -c) and with variables that change which code a program runs',
  ),
  REMOTE_ALLOW_LOOPBACK: variable(boolean(), 'true', 'remote tools may be on this machine (127.0.0.0/8, ::1)'),
  REMOTE_ALLOW_PRIVATE_NETWORKS: variable(
    boolean(),
    'false',
    'remote tools may be in private networks (10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7)',
  ),
  GATEWAY_MAX_BODY_BYTES: variable(
    integer({ min: 65_536, max: 268_435_456 }),
    '16777216',
    'largest message accepted from an MCP client, in bytes',
  ),
  GATEWAY_SESSIONS_PER_KEY: variable(
    integer({ min: 1, max: 1_000_000 }),
    '2000',
    'sessions that one user or API key may have at the gateway',
  ),
  GATEWAY_SESSIONS_TOTAL: variable(
    integer({ min: 1, max: 1_000_000 }),
    '10000',
    'sessions that there may be at the gateway in all',
  ),
  GATEWAY_SESSION_IDLE_SECONDS: variable(
    integer({ min: 1, max: 604_800 }),
    '1800',
    'seconds without a request or an open stream after which a session at the gateway ends',
  ),
  GATEWAY_REQUESTS_PER_SESSION: variable(
    integer({ min: 1, max: 100_000 }),
    '256',
    'requests of one session that may wait for their answers at a time',
  ),
  GATEWAY_REQUESTS_PER_TOOL: variable(
    integer({ min: 1, max: 100_000 }),
    '1000',
    'requests to one tool that may wait for their answers at a time',
  ),
  GATEWAY_SERVERS_PER_TOOL: variable(
    integer({ min: 1, max: 10_000 }),
    '32',
    'sessions that may have a server of one tool for themselves at a time',
  ),
  GATEWAY_RATE_LIMIT_PER_MINUTE: variable(
    integer({ min: 0, max: 100_000_000 }),
    '0',
    'messages a minute that one user or API key may send to the gateway; 0 sets no limit',
  ),
  ADMIN_USERNAME: variable(
    text({ pattern: /^[A-Za-z0-9._@-]{1,64}$/, explain: 'must be 1 to 64 letters, digits or . _ @ -' }),
    'admin',
    'name of the administrator made at the first start',
  ),
  ADMIN_PASSWORD: variable(
    text({ minLength: 12 }),
    'random, in DATA_DIR/initial-admin-password',
    "the first administrator's password, at least 12 characters",
  ),
  MIGRATE_ON_START: variable(boolean(), 'true', 'apply pending database migrations at start'),
} as const satisfies Record<string, Variable<unknown>>;

export type VariableName = keyof typeof VARIABLES;

/** The parsed value of each variable that was set. */
export type Parsed = { [N in VariableName]?: ReturnType<(typeof VARIABLES)[N]['parse']> };
