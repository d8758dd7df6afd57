import type { DatabaseTarget } from './database-url';
import type { ENVIRONMENTS, ISOLATIONS, LogLevel, VariableName } from './variables';

/** Everything MCPS.ONE reads from its environment: parsed once at boot, complete, frozen. */
export class AppConfig {
  /** The variables that are set; all else are defaults. */
  readonly given: ReadonlySet<VariableName>;
  readonly projectName: string;
  readonly environment: (typeof ENVIRONMENTS)[number];
  readonly debug: boolean;
  readonly host: string;
  readonly port: number;
  /** Base path of the API, without a slash at its end. */
  readonly apiPrefix: string;
  readonly database: DatabaseTarget;
  /** Null: DATA_DIR/secret-key holds (or gets) a generated one. */
  readonly secretKey: string | null;
  /** The key until now, for the change of keys alone. */
  readonly formerSecretKey: string | null;
  readonly accessTokenMinutes: number;
  readonly corsOrigins: readonly string[];
  /** Lower-case host names without ports; `*` means any. */
  readonly allowedHosts: readonly string[];
  /** Addresses and networks whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Requests a minute of one user or API key; 0: no limit. */
  readonly rateLimitPerMinute: number;
  /** Requests a minute of one address to the routes that take credentials; 0: no limit. */
  readonly authRateLimitPerMinute: number;
  readonly logLevel: LogLevel;
  readonly logFile: string;
  readonly logDir: string;
  readonly logSpoolMaxBytes: number;
  readonly dataDir: string;
  readonly backupDir: string;
  readonly backupEncryption: boolean;
  readonly backupMaxUploadBytes: number;
  readonly staticDir: string | null;
  readonly mcpTimeoutMs: number;
  readonly mcpMaxRetries: number;
  /** 0: running tools are not asked whether they are still there. */
  readonly mcpHealthIntervalMs: number;
  readonly mcpMaxMessageBytes: number;
  readonly mcpEnvPassthrough: readonly string[];
  /** What holds the processes of a tool together. */
  readonly mcpIsolation: (typeof ISOLATIONS)[number];
  /** Our own environment, of which the supervisor hands children the allowed part. */
  readonly environmentOfChildren: Readonly<Record<string, string | undefined>>;
  readonly toolsAllowInlineCode: boolean;
  readonly remoteAllowLoopback: boolean;
  readonly remoteAllowPrivateNetworks: boolean;
  readonly gatewayMaxBodyBytes: number;
  readonly gatewaySessionsPerKey: number;
  readonly gatewaySessionsTotal: number;
  readonly gatewaySessionIdleMs: number;
  readonly gatewayRequestsPerSession: number;
  readonly gatewayRequestsPerTool: number;
  readonly gatewayServersPerTool: number;
  /** 0: no limit. */
  readonly gatewayRateLimitPerMinute: number;
  readonly adminUsername: string;
  readonly adminPassword: string | null;
  readonly migrateOnStart: boolean;

  constructor(values: AppConfig) {
    Object.assign(this, values);
    Object.freeze(this);
  }
}
