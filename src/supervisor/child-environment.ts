/** What every child inherits of our environment; all else (our database URL, our keys) stays with us. */
const INHERITED = new Set([
  ...['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE'],
  // Where npm and uv find their registry and cache, so that npx and uvx work behind a mirror.
  ...['npm_config_registry', 'NPM_CONFIG_REGISTRY', 'npm_config_cache', 'NPM_CONFIG_CACHE', 'npm_config_userconfig'],
  ...['UV_INDEX_URL', 'UV_DEFAULT_INDEX', 'UV_CACHE_DIR', 'PIP_INDEX_URL'],
  // Windows can't start a program without these.
  ...[
    'SystemRoot',
    'SYSTEMROOT',
    'windir',
    'ComSpec',
    'PATHEXT',
    'APPDATA',
    'LOCALAPPDATA',
    'USERPROFILE',
    'TEMP',
    'TMP',
  ],
]);

/** Marks our children, wherever they move: processes that left their group are found by it. */
export const INSTANCE_MARKER = 'MCPS_INSTANCE';

/** The whole environment of a child: the allow-list, the names the operator passes through, then the tool's own. */
export function childEnvironment(
  ours: Readonly<Record<string, string | undefined>>,
  passthrough: readonly string[],
  own: Readonly<Record<string, string>>,
  marker: string,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(ours)) {
    if (value !== undefined && (INHERITED.has(name) || name.startsWith('LC_') || passthrough.includes(name)))
      env[name] = value;
  }
  return { ...env, ...own, [INSTANCE_MARKER]: marker };
}
