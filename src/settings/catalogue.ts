import type { AppConfig } from '../config/app-config';
import { ENVIRONMENTS, LOG_LEVELS, type VariableName } from '../config/variables';
import { cron, type SettingType, shown, wholeNumber, word, yesOrNo } from './setting-types';

/** One setting: what it means, what it may be, where its value comes from. */
export interface SettingDeclaration<T> {
  type: SettingType<T>;
  description: string;
  byDefault: T;
  /** The variable that sets it for good or until somebody changes it here, and how its value is read. */
  environment: { variable: VariableName; read: (config: AppConfig) => T } | null;
  /** False: the environment alone decides, at the next start. */
  editable: boolean;
}

const setting = <T>(type: SettingType<T>, byDefault: T, description: string): SettingDeclaration<T> => ({
  type,
  byDefault,
  description,
  environment: null,
  editable: true,
});

const withVariable = <T>(
  type: SettingType<T>,
  byDefault: T,
  description: string,
  variable: VariableName,
  read: (config: AppConfig) => T,
): SettingDeclaration<T> => ({ ...setting(type, byDefault, description), environment: { variable, read } });

/** Of the environment alone: to be seen beside the others, so that nobody has to guess. */
const fixed = <T>(
  type: SettingType<T>,
  byDefault: T,
  description: string,
  variable: VariableName,
  read: (config: AppConfig) => T,
): SettingDeclaration<T> => ({ ...withVariable(type, byDefault, description, variable, read), editable: false });

const DAYS = wholeNumber({ min: 1, max: 36_500 });
const LIMIT = wholeNumber({ min: 0, max: 1_000_000 });

/**
 * Every setting there is, by the key of `GET /system/config`. No secret is a setting. A new one stands here alone:
 * `Settings.get` has its type, `PUT /system/config` its check, the API its schema and description.
 */
export const SETTINGS = {
  logLevel: withVariable(word(LOG_LEVELS), 'info', "Least level of the system's own log", 'LOG_LEVEL', (config) =>
    config.debug ? 'debug' : config.logLevel,
  ),
  'logs.systemRetentionDays': setting(DAYS, 30, 'Days that the system log is kept'),
  'logs.operationsRetentionDays': setting(DAYS, 365, 'Days that the operation log is kept'),
  'logs.mcpRetentionDays': setting(DAYS, 14, 'Days that MCP messages are kept'),
  'logs.maxSizeBytes': setting(
    wholeNumber({ min: 0, max: 2 ** 50 }),
    5 * 1024 ** 3,
    'Most that MCP messages and the system log may take together, in bytes; the oldest go first; 0 sets no limit',
  ),
  'cleanup.schedule': setting(cron(), '30 3 * * *', 'When what is past its days is deleted from the logs (cron)'),
  'backup.enabled': setting(yesOrNo(), true, 'Whether backups are made by the schedule'),
  'backup.schedule': setting(cron(), '0 2 * * *', 'When a backup is made (cron)'),
  'backup.keep': setting(
    wholeNumber({ min: 1, max: 1000 }),
    7,
    'How many of the newest scheduled backups are kept, beside daily, weekly and monthly ones',
  ),
  'backup.includeLogs': setting(yesOrNo(), true, 'Whether backups hold MCP messages and the system log'),
  'mcp.timeoutSeconds': withVariable(
    wholeNumber({ min: 1, max: 3600 }),
    30,
    'Seconds that a request to a tool may take unless the tool says otherwise',
    'MCP_TIMEOUT',
    (config) => config.mcpTimeoutMs / 1000,
  ),
  'mcp.maxRetries': withVariable(
    wholeNumber({ min: 0, max: 100 }),
    3,
    'Restarts in a row before a tool counts as failed, unless the tool says otherwise',
    'MCP_MAX_RETRIES',
    (config) => config.mcpMaxRetries,
  ),
  'mcp.healthIntervalSeconds': withVariable(
    wholeNumber({ min: 0, max: 86_400 }),
    60,
    'Seconds that a running tool may be silent before it is asked whether it is still there; 0 never asks',
    'MCP_HEALTH_INTERVAL',
    (config) => config.mcpHealthIntervalMs / 1000,
  ),
  'tools.allowInlineCode': withVariable(
    yesOrNo(),
    false,
    'Whether tools with inline code (node -e, sh -c) are accepted, and variables that change which code a program runs',
    'TOOLS_ALLOW_INLINE_CODE',
    (config) => config.toolsAllowInlineCode,
  ),
  'auth.accessTokenMinutes': withVariable(
    wholeNumber({ min: 1, max: 1440 }),
    30,
    'Life of an access token, in minutes; of those issued from now on',
    'ACCESS_TOKEN_EXPIRE_MINUTES',
    (config) => config.accessTokenMinutes,
  ),
  'limits.requestsPerMinute': withVariable(
    LIMIT,
    6000,
    'Requests a minute that one user or API key may make; 0 sets no limit',
    'RATE_LIMIT_PER_MINUTE',
    (config) => config.rateLimitPerMinute,
  ),
  'limits.authRequestsPerMinute': withVariable(
    LIMIT,
    60,
    'Logins, refreshes and password changes a minute that one address may make; 0 sets no limit',
    'AUTH_RATE_LIMIT_PER_MINUTE',
    (config) => config.authRateLimitPerMinute,
  ),
  'events.maxStreams': setting(wholeNumber({ min: 1, max: 10_000 }), 1000, 'Event streams that may be open at once'),
  'events.maxStreamsPerCaller': setting(
    wholeNumber({ min: 1, max: 10_000 }),
    20,
    'Event streams that one user or API key may have open at once',
  ),
  'gateway.maxBodyBytes': withVariable(
    wholeNumber({ min: 65_536, max: 268_435_456 }),
    16_777_216,
    'Largest message accepted from an MCP client, in bytes',
    'GATEWAY_MAX_BODY_BYTES',
    (config) => config.gatewayMaxBodyBytes,
  ),
  'gateway.sessionsPerKey': withVariable(
    wholeNumber({ min: 1, max: 1_000_000 }),
    2000,
    'Sessions that one user or API key may have at the gateway',
    'GATEWAY_SESSIONS_PER_KEY',
    (config) => config.gatewaySessionsPerKey,
  ),
  'gateway.sessionsTotal': withVariable(
    wholeNumber({ min: 1, max: 1_000_000 }),
    10_000,
    'Sessions that there may be at the gateway in all',
    'GATEWAY_SESSIONS_TOTAL',
    (config) => config.gatewaySessionsTotal,
  ),
  'gateway.sessionIdleSeconds': withVariable(
    wholeNumber({ min: 1, max: 604_800 }),
    1800,
    'Seconds without a request or an open stream after which a session at the gateway ends',
    'GATEWAY_SESSION_IDLE_SECONDS',
    (config) => config.gatewaySessionIdleMs / 1000,
  ),
  'gateway.requestsPerSession': withVariable(
    wholeNumber({ min: 1, max: 100_000 }),
    256,
    'Requests of one session that may wait for their answers at a time',
    'GATEWAY_REQUESTS_PER_SESSION',
    (config) => config.gatewayRequestsPerSession,
  ),
  'gateway.requestsPerTool': withVariable(
    wholeNumber({ min: 1, max: 100_000 }),
    1000,
    'Requests to one tool that may wait for their answers at a time',
    'GATEWAY_REQUESTS_PER_TOOL',
    (config) => config.gatewayRequestsPerTool,
  ),
  'gateway.serversPerTool': withVariable(
    wholeNumber({ min: 1, max: 10_000 }),
    32,
    'Sessions that may have a server of one tool for themselves at a time',
    'GATEWAY_SERVERS_PER_TOOL',
    (config) => config.gatewayServersPerTool,
  ),
  'gateway.messagesPerMinute': withVariable(
    wholeNumber({ min: 0, max: 100_000_000 }),
    0,
    'Messages a minute that one user or API key may send to the gateway; 0 sets no limit',
    'GATEWAY_RATE_LIMIT_PER_MINUTE',
    (config) => config.gatewayRateLimitPerMinute,
  ),
  environment: fixed(word(ENVIRONMENTS), 'development', 'development, production or test', 'ENVIRONMENT', (config) => {
    return config.environment;
  }),
  host: fixed(shown<string>('string'), '127.0.0.1', 'Address to listen on', 'HOST', (config) => config.host),
  port: fixed(shown<number>('integer'), 8000, 'Port to listen on', 'PORT', (config) => config.port),
  'mcp.maxMessageBytes': fixed(
    shown<number>('integer'),
    16_777_216,
    'Largest message accepted from a tool, in bytes',
    'MCP_MAX_MESSAGE_BYTES',
    (config) => config.mcpMaxMessageBytes,
  ),
  'mcp.isolation': fixed(
    shown<string>('string'),
    'process-group',
    'What holds the processes of a tool together',
    'MCP_ISOLATION',
    (config) => config.mcpIsolation,
  ),
} as const satisfies Record<string, SettingDeclaration<unknown>>;

export type SettingKey = keyof typeof SETTINGS;

/** The type of a setting's value. */
export type SettingValue<K extends SettingKey> = ReturnType<(typeof SETTINGS)[K]['type']['check']>;

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}
