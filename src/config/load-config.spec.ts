import { resolve } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import type { AppConfig } from './app-config';
import { ConfigError, loadConfig } from './load-config';
import { VARIABLES } from './variables';

const STRONG_SECRET = 'q7Zt0mW4xKc9Vb2Ln8Yd5Rf1Hs6Jg3Pa';

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  afterEach(removeTemporaryFolders);

  it('is complete without any variable', () => {
    const expected: AppConfig = {
      given: new Set(),
      projectName: 'MCPS.ONE',
      environment: 'development',
      debug: false,
      host: '127.0.0.1',
      port: 8000,
      apiPrefix: '/api/v1',
      database: { type: 'sqlite', file: resolve('data/mcps.db'), temporary: false },
      secretKey: null,
      formerSecretKey: null,
      toolsAllowInlineCode: false,
      remoteAllowLoopback: true,
      remoteAllowPrivateNetworks: false,
      accessTokenMinutes: 30,
      corsOrigins: ['http://localhost:3000', 'http://localhost:5173'],
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
      trustedProxies: [],
      rateLimitPerMinute: 6000,
      authRateLimitPerMinute: 60,
      logLevel: 'info',
      logFile: resolve('logs/app.log'),
      logDir: resolve('logs'),
      logSpoolMaxBytes: 536_870_912,
      dataDir: resolve('data'),
      backupEncryption: false,
      backupMaxUploadBytes: 10_737_418_240,
      backupDir: resolve('data/backups'),
      staticDir: null,
      mcpTimeoutMs: 30_000,
      mcpMaxRetries: 3,
      mcpHealthIntervalMs: 60_000,
      mcpMaxMessageBytes: 16 * 1024 * 1024,
      mcpEnvPassthrough: [],
      mcpIsolation: 'process-group',
      environmentOfChildren: {},
      gatewayMaxBodyBytes: 16 * 1024 * 1024,
      gatewaySessionsPerKey: 2000,
      gatewaySessionsTotal: 10_000,
      gatewaySessionIdleMs: 1_800_000,
      gatewayRequestsPerSession: 256,
      gatewayRequestsPerTool: 1000,
      gatewayServersPerTool: 32,
      gatewayRateLimitPerMinute: 0,
      adminUsername: 'admin',
      adminPassword: null,
      migrateOnStart: true,
    };
    expect(loadConfig({})).toEqual(expected);
  });

  it('takes every variable that it names', () => {
    const staticDir = temporaryFolder();
    const given = {
      PROJECT_NAME: 'My tools',
      ENVIRONMENT: 'production',
      DEBUG: 'true',
      HOST: '0.0.0.0',
      PORT: '9000',
      API_V1_STR: '/mcps/v1',
      DATABASE_URL: 'postgresql://user@db/mcps',
      SECRET_KEY: STRONG_SECRET,
      SECRET_KEY_OLD: 'former',
      ACCESS_TOKEN_EXPIRE_MINUTES: '5',
      CORS_ORIGINS: 'https://a.example',
      ALLOWED_HOSTS: 'a.example',
      TRUSTED_PROXIES: '10.0.0.0/8',
      RATE_LIMIT_PER_MINUTE: '0',
      AUTH_RATE_LIMIT_PER_MINUTE: '10',
      LOG_LEVEL: 'warn',
      LOG_FILE: '/var/log/mcps.log',
      LOG_DIR: '/var/log/mcps',
      LOG_SPOOL_MAX_BYTES: '2000000',
      DATA_DIR: '/var/lib/mcps',
      BACKUP_DIR: '/backup',
      BACKUP_ENCRYPTION: 'false',
      BACKUP_MAX_UPLOAD_BYTES: '2000000',
      STATIC_DIR: staticDir,
      MCP_TIMEOUT: '7',
      MCP_MAX_RETRIES: '0',
      MCP_HEALTH_INTERVAL: '90',
      MCP_MAX_MESSAGE_BYTES: '65536',
      MCP_ENV_PASSTHROUGH: 'GITHUB_TOKEN',
      MCP_ISOLATION: 'BWRAP',
      TOOLS_ALLOW_INLINE_CODE: 'true',
      REMOTE_ALLOW_LOOPBACK: 'false',
      REMOTE_ALLOW_PRIVATE_NETWORKS: 'true',
      GATEWAY_MAX_BODY_BYTES: '65536',
      GATEWAY_SESSIONS_PER_KEY: '1',
      GATEWAY_SESSIONS_TOTAL: '2',
      GATEWAY_SESSION_IDLE_SECONDS: '3',
      GATEWAY_REQUESTS_PER_SESSION: '4',
      GATEWAY_REQUESTS_PER_TOOL: '5',
      GATEWAY_SERVERS_PER_TOOL: '6',
      GATEWAY_RATE_LIMIT_PER_MINUTE: '7',
      ADMIN_USERNAME: 'root@example.com',
      ADMIN_PASSWORD: 'twelve chars',
      MIGRATE_ON_START: 'false',
    };
    expect(Object.keys(given)).toEqual(Object.keys(VARIABLES));
    expect(loadConfig(given)).toEqual({
      given: new Set(Object.keys(VARIABLES)),
      projectName: 'My tools',
      environment: 'production',
      debug: true,
      host: '0.0.0.0',
      port: 9000,
      apiPrefix: '/mcps/v1',
      database: { type: 'postgres', url: 'postgresql://user@db/mcps' },
      secretKey: STRONG_SECRET,
      formerSecretKey: 'former',
      accessTokenMinutes: 5,
      corsOrigins: ['https://a.example'],
      allowedHosts: ['a.example'],
      trustedProxies: ['10.0.0.0/8'],
      rateLimitPerMinute: 0,
      authRateLimitPerMinute: 10,
      logLevel: 'warn',
      logFile: '/var/log/mcps.log',
      logDir: '/var/log/mcps',
      logSpoolMaxBytes: 2_000_000,
      dataDir: '/var/lib/mcps',
      backupEncryption: false,
      backupMaxUploadBytes: 2_000_000,
      backupDir: '/backup',
      staticDir,
      mcpTimeoutMs: 7_000,
      mcpMaxRetries: 0,
      mcpHealthIntervalMs: 90_000,
      mcpMaxMessageBytes: 65_536,
      mcpEnvPassthrough: ['GITHUB_TOKEN'],
      mcpIsolation: 'bwrap',
      toolsAllowInlineCode: true,
      remoteAllowLoopback: false,
      remoteAllowPrivateNetworks: true,
      environmentOfChildren: given,
      gatewayMaxBodyBytes: 65_536,
      gatewaySessionsPerKey: 1,
      gatewaySessionsTotal: 2,
      gatewaySessionIdleMs: 3000,
      gatewayRequestsPerSession: 4,
      gatewayRequestsPerTool: 5,
      gatewayServersPerTool: 6,
      gatewayRateLimitPerMinute: 7,
      adminUsername: 'root@example.com',
      adminPassword: 'twelve chars',
      migrateOnStart: false,
    });
  });

  it('counts an empty variable as unset', () => {
    const empty = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, '']));
    expect(loadConfig(empty)).toEqual(Object.assign({}, loadConfig({}), { environmentOfChildren: empty }));
  });

  it('derives the paths below DATA_DIR and LOG_DIR, counted from the working directory', () => {
    const config = loadConfig({ DATA_DIR: 'var/data', LOG_DIR: './var/log' });
    expect(config).toMatchObject({
      dataDir: resolve('var/data'),
      database: { file: resolve('var/data/mcps.db') },
      backupEncryption: false,
      backupMaxUploadBytes: 10_737_418_240,
      backupDir: resolve('var/data/backups'),
      logFile: resolve('var/log/app.log'),
    });
  });

  it.each(['production', 'test'])('trusts no development server in %s', (name) => {
    expect(loadConfig({ ENVIRONMENT: name, SECRET_KEY: STRONG_SECRET }).corsOrigins).toEqual([]);
  });

  it.each([
    ['Tools.Example.com', 'tools.example.com'],
    ['fd00::5', '[fd00::5]'],
    ['::', '[::]'],
  ])('accepts requests to the address %s it listens on, as a Host header says it', (host, name) => {
    expect(loadConfig({ HOST: host }).allowedHosts).toEqual(['localhost', '127.0.0.1', '[::1]', name]);
  });

  it('can not be changed', () => {
    const config = loadConfig({}) as { port: number; secretKey: string | null };
    expect(() => (config.port = 1)).toThrow(TypeError);
    expect(() => Object.assign(config, { added: true })).toThrow(TypeError);
  });

  it('names all mistakes at once, each by its variable', () => {
    const problems = problemsOf({
      ENVIRONMENT: 'production',
      PORT: 'eighty',
      DATABASE_URL: 'mysql://x',
      LOG_LEVEL: 'loud',
      STATIC_DIR: '/does/not/exist',
    });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'DATABASE_URL',
      'LOG_LEVEL',
      'SECRET_KEY',
      'STATIC_DIR',
    ]);
    expect(new ConfigError(problems).message.split('\n')).toHaveLength(6);
    expect(new ConfigError(problems).message).toMatch(/^The configuration has 5 mistakes:\n {2}- PORT must be/);
  });

  it('refuses a STATIC_DIR that is a file', () => {
    expect(problemsOf({ STATIC_DIR: __filename })).toEqual([`STATIC_DIR is no folder: ${__filename}`]);
  });

  describe('in production', () => {
    it.each([
      ['no secret key', {}, /^SECRET_KEY is required in production/],
      ['an empty secret key', { SECRET_KEY: '' }, /^SECRET_KEY is required in production/],
      ['a short one', { SECRET_KEY: STRONG_SECRET.slice(1) }, /^SECRET_KEY is too short .*\(31 of 32 characters\)/],
      ['that of an example', { SECRET_KEY: 'change-me-to-a-long-random-string!' }, /^SECRET_KEY looks like an example/],
      ['one that says what it is', { SECRET_KEY: 'your-secret-key-here-0123456789abcd' }, /looks like an example/],
      ['one letter repeated', { SECRET_KEY: 'x'.repeat(40) }, /looks like an example/],
    ])('refuses %s, says how to make one, and never repeats it', (_, environment, message) => {
      const problems = problemsOf({ ENVIRONMENT: 'production', ...environment });
      expect(problems).toEqual([expect.stringMatching(message)]);
      expect(problems[0]).toContain('openssl rand -base64 48');
      if ('SECRET_KEY' in environment && environment.SECRET_KEY !== '') {
        expect(problems[0]).not.toContain(environment.SECRET_KEY);
      }
    });

    it('accepts 32 random characters', () => {
      expect(problemsOf({ ENVIRONMENT: 'production', SECRET_KEY: STRONG_SECRET })).toEqual([]);
    });
  });

  it('accepts any secret key outside production', () => {
    expect(loadConfig({ SECRET_KEY: 'short' }).secretKey).toBe('short');
  });
});
