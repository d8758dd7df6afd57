import { existsSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { parse } from 'dotenv';
import { AppConfig } from './app-config';
import { bracketed } from './parsers';
import { type Parsed, VARIABLES, type VariableName } from './variables';

/** All that is wrong with the configuration, each problem beginning with the variable's name. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `The configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

/** The shortest SECRET_KEY that production accepts, in characters. */
const MIN_SECRET_LENGTH = 32;
const EXAMPLE_SECRET = /change.?(me|this)|example|your.?secret|secret.?key|password|^(.)\2*$/i;

/** The process's environment over the `.env` file of the working directory. */
export function readEnvironment(): Record<string, string | undefined> {
  const file = existsSync('.env') ? parse(readFileSync('.env')) : {};
  return { ...file, ...process.env };
}

/**
 * Reads, checks and completes the configuration. Empty variables count as unset.
 * @throws ConfigError naming every mistake at once
 */
export function loadConfig(environment: Record<string, string | undefined> = readEnvironment()): AppConfig {
  const problems: string[] = [];
  const given = parseAll(environment, problems);
  const environmentName = given.ENVIRONMENT ?? 'development';
  const dataDir = given.DATA_DIR ?? VARIABLES.DATA_DIR.parse(VARIABLES.DATA_DIR.defaultText);
  const logDir = given.LOG_DIR ?? VARIABLES.LOG_DIR.parse(VARIABLES.LOG_DIR.defaultText);
  const host = given.HOST ?? '127.0.0.1';
  if (environmentName === 'production') problems.push(...secretProblems(given.SECRET_KEY));
  if (given.STATIC_DIR !== undefined && !isDirectory(given.STATIC_DIR)) {
    problems.push(`STATIC_DIR is no folder: ${given.STATIC_DIR}`);
  }
  if (given.STATIC_DIR !== undefined && holds(given.STATIC_DIR, dataDir)) {
    problems.push('STATIC_DIR holds DATA_DIR: everyone could read its secrets');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return new AppConfig({
    given: new Set(Object.keys(given) as VariableName[]),
    projectName: given.PROJECT_NAME ?? 'MCPS.ONE',
    environment: environmentName,
    debug: given.DEBUG ?? false,
    host,
    port: given.PORT ?? 8000,
    apiPrefix: given.API_V1_STR ?? '/api/v1',
    database: given.DATABASE_URL ?? { type: 'sqlite', file: join(dataDir, 'mcps.db'), temporary: false },
    secretKey: given.SECRET_KEY ?? null,
    formerSecretKey: given.SECRET_KEY_OLD ?? null,
    accessTokenMinutes: given.ACCESS_TOKEN_EXPIRE_MINUTES ?? 30,
    corsOrigins:
      given.CORS_ORIGINS ??
      (environmentName === 'development' ? ['http://localhost:3000', 'http://localhost:5173'] : []),
    allowedHosts: given.ALLOWED_HOSTS ?? [
      ...new Set(['localhost', '127.0.0.1', '[::1]', bracketed(host.toLowerCase())]),
    ],
    trustedProxies: given.TRUSTED_PROXIES ?? [],
    rateLimitPerMinute: given.RATE_LIMIT_PER_MINUTE ?? 6000,
    authRateLimitPerMinute: given.AUTH_RATE_LIMIT_PER_MINUTE ?? 60,
    logLevel: given.LOG_LEVEL ?? 'info',
    logFile: given.LOG_FILE ?? join(logDir, 'app.log'),
    logDir,
    logSpoolMaxBytes: given.LOG_SPOOL_MAX_BYTES ?? 536_870_912,
    dataDir,
    backupDir: given.BACKUP_DIR ?? join(dataDir, 'backups'),
    backupEncryption: given.BACKUP_ENCRYPTION ?? given.SECRET_KEY !== undefined,
    backupMaxUploadBytes: given.BACKUP_MAX_UPLOAD_BYTES ?? 10_737_418_240,
    staticDir: given.STATIC_DIR ?? null,
    mcpTimeoutMs: (given.MCP_TIMEOUT ?? 30) * 1000,
    mcpMaxRetries: given.MCP_MAX_RETRIES ?? 3,
    mcpHealthIntervalMs: (given.MCP_HEALTH_INTERVAL ?? 60) * 1000,
    mcpMaxMessageBytes: given.MCP_MAX_MESSAGE_BYTES ?? 16_777_216,
    mcpEnvPassthrough: given.MCP_ENV_PASSTHROUGH ?? [],
    mcpIsolation: given.MCP_ISOLATION ?? 'process-group',
    environmentOfChildren: environment,
    toolsAllowInlineCode: given.TOOLS_ALLOW_INLINE_CODE ?? false,
    remoteAllowLoopback: given.REMOTE_ALLOW_LOOPBACK ?? true,
    remoteAllowPrivateNetworks: given.REMOTE_ALLOW_PRIVATE_NETWORKS ?? false,
    gatewayMaxBodyBytes: given.GATEWAY_MAX_BODY_BYTES ?? 16_777_216,
    gatewaySessionsPerKey: given.GATEWAY_SESSIONS_PER_KEY ?? 2_000,
    gatewaySessionsTotal: given.GATEWAY_SESSIONS_TOTAL ?? 10_000,
    gatewaySessionIdleMs: (given.GATEWAY_SESSION_IDLE_SECONDS ?? 1_800) * 1000,
    gatewayRequestsPerSession: given.GATEWAY_REQUESTS_PER_SESSION ?? 256,
    gatewayRequestsPerTool: given.GATEWAY_REQUESTS_PER_TOOL ?? 1_000,
    gatewayServersPerTool: given.GATEWAY_SERVERS_PER_TOOL ?? 32,
    gatewayRateLimitPerMinute: given.GATEWAY_RATE_LIMIT_PER_MINUTE ?? 0,
    adminUsername: given.ADMIN_USERNAME ?? 'admin',
    adminPassword: given.ADMIN_PASSWORD ?? null,
    migrateOnStart: given.MIGRATE_ON_START ?? true,
  });
}

function parseAll(environment: Record<string, string | undefined>, problems: string[]): Parsed {
  const parsed: Record<string, unknown> = {};
  for (const name of Object.keys(VARIABLES) as VariableName[]) {
    const raw = environment[name];
    if (raw === undefined || raw === '') continue;
    try {
      parsed[name] = VARIABLES[name].parse(raw);
    } catch (error) {
      problems.push(`${name} ${error instanceof Error ? error.message : 'is malformed'}`);
    }
  }
  return parsed;
}

function secretProblems(secret: string | undefined): string[] {
  const advice = 'make one with: openssl rand -base64 48';
  if (secret === undefined) return [`SECRET_KEY is required in production; ${advice}`];
  if (secret.length < MIN_SECRET_LENGTH) {
    return [`SECRET_KEY is too short for production (${secret.length} of ${MIN_SECRET_LENGTH} characters); ${advice}`];
  }
  return EXAMPLE_SECRET.test(secret) ? [`SECRET_KEY looks like an example; ${advice}`] : [];
}

function isDirectory(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function holds(folder: string, other: string): boolean {
  const way = relative(folder, other);
  return !way.startsWith('..') && !isAbsolute(way);
}
