import { cpuMsOf } from '../../test/support/cpu-time';
import {
  NODE_OOM,
  NPM_E404,
  NPM_ENGINE,
  NPM_ETARGET,
  NPM_REFUSED,
  ofNode,
  ofPython,
  PYDANTIC,
  UV_NOT_FOUND,
  UV_OFFLINE,
  UV_PYTHON,
  ZOD,
} from '../../test/support/last-words';
import { FAILURES } from './failure-catalogue';
import { EVIDENCE_LINES, readExit, readSilence } from './failure-evidence';

/** What a program said before it ended with code 1 (or another), as code and words. */
function told(stderr: string, exit: { code?: number; signal?: string; ready?: boolean } = {}): string | null {
  const { code = 1, signal = null, ready = false } = exit;
  const facts = { code: signal === null ? code : null, signal };
  const finding = readExit(facts, stderr.split('\n'), { ready });
  return finding === null ? null : `${finding.code}: ${finding.what}`;
}

const codeOf = (stderr: string, exit?: Parameters<typeof told>[1]): string | undefined =>
  told(stderr, exit)?.split(':')[0];

describe('the reason of an exit', () => {
  it.each([
    [
      'variable_missing',
      'GITHUB_PERSONAL_ACCESS_TOKEN',
      'GITHUB_PERSONAL_ACCESS_TOKEN environment variable is required',
    ],
    ['variable_missing', 'BRAVE_API_KEY', 'Error: BRAVE_API_KEY environment variable is required'],
    ['variable_missing', 'GOOGLE_MAPS_API_KEY', 'GOOGLE_MAPS_API_KEY environment variable is not set'],
    [
      'variable_missing',
      'SLACK_BOT_TOKEN, SLACK_TEAM_ID',
      'Please set SLACK_BOT_TOKEN and SLACK_TEAM_ID environment variables',
    ],
    ['variable_missing', 'X_TOKEN', 'Missing required environment variable: X_TOKEN'],
    ['variable_missing', 'DATABASE_URL', '2026-01-02 10:00:00,000 ERROR app: DATABASE_URL is not set'],
    ['variable_missing', 'OPENAI_API_KEY', 'ValueError: OPENAI_API_KEY must be set'],
    ['variable_missing', 'API_KEY', 'API_KEY is missing'],
    [
      'variable_missing',
      'A_KEY, B_KEY',
      'Missing required environment variables:\n  - A_KEY\n  - B_KEY\nSee the README.',
    ],
    ['variable_missing', 'X_TOKEN', ofNode('Error: X_TOKEN environment variable is required', 'NOPE')],
    [
      'variable_missing',
      'GITHUB_TOKEN',
      ofPython(
        '  File "<frozen os>", line 679, in __getitem__\nKeyError: \'GITHUB_TOKEN\'',
        't = os.environ["GITHUB_TOKEN"]',
      ),
    ],
    ['variable_missing', 'GITHUB_TOKEN, API_KEY', PYDANTIC],
    ['variable_missing', 'API_KEY, SERVICE_URL', ZOD],
    ['credentials_refused', '', 'Error: Request failed with status code 401'],
    ['credentials_refused', '', 'n8n API error 401: Unauthorized. {"message":"unauthorized"}'],
    ['credentials_refused', '', 'Fatal: Invalid API key provided'],
    ['credentials_refused', '', 'psycopg2.OperationalError: FATAL:  password authentication failed for user "app"'],
    ['credentials_refused', '', 'SlackError: An API error occurred: invalid_auth'],
    ['package_not_found', 'no-such-package-mcp', NPM_E404],
    ['package_not_found', 'mcp-ashby-connector', UV_NOT_FOUND],
    ['package_version_not_found', '@modelcontextprotocol/server-everything@99.0.0', NPM_ETARGET],
    [
      'package_version_not_found',
      'mcp-server-time==99',
      '  ╰─▶ Because there is no version of mcp-server-time==99 and you require mcp-server-time==99, we can conclude that',
    ],
    [
      'package_unresolvable',
      '',
      '  × No solution found when resolving tool dependencies:\n  ╰─▶ Because a==1 depends on b<2 and c==1 depends on b>=2, they are incompatible.',
    ],
    [
      'package_has_no_program',
      '',
      'npm error could not determine executable to run\nnpm error A complete log of this run can be found in: /home/x/.npm/_logs/debug-0.log',
    ],
    [
      'package_has_no_program',
      'vd',
      'The executable `vd` was not found.\nThe following executables are provided by `visidata`:\n- visidata',
    ],
    ['registry_unreachable', 'ECONNREFUSED', NPM_REFUSED],
    [
      'registry_unreachable',
      'ENOTFOUND',
      'npm ERR! code ENOTFOUND\nnpm ERR! syscall getaddrinfo\nnpm ERR! network This is a problem related to network connectivity.',
    ],
    [
      'registry_unreachable',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'npm error code SELF_SIGNED_CERT_IN_CHAIN\nnpm error request to https://registry.example/x failed',
    ],
    [
      'registry_unreachable',
      'offline',
      "npm error code ENOTCACHED\nnpm error request to https://registry.example/x failed: cache mode is 'only-if-cached' but no cached response is available.",
    ],
    ['registry_unreachable', 'pypi.example', UV_OFFLINE],
    [
      'registry_unreachable',
      'registry.example',
      'docker: Error response from daemon: Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host.',
    ],
    ['registry_refused', 'E401', 'npm error code E401\nnpm error Incorrect or missing password.'],
    [
      'module_not_found',
      'not-there',
      ofNode("Error: Cannot find module 'not-there'\nRequire stack:\n- /srv/server.js", 'MODULE_NOT_FOUND'),
    ],
    [
      'module_not_found',
      'not-there',
      ofNode(
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'not-there' imported from /srv/server.mjs",
        'ERR_MODULE_NOT_FOUND',
      ),
    ],
    [
      'module_not_found',
      'mcp_server_nowhere',
      ofPython("ModuleNotFoundError: No module named 'mcp_server_nowhere'", 'import mcp_server_nowhere'),
    ],
    ['module_not_found', 'no_such_module', '/usr/bin/python3: No module named no_such_module'],
    ['runtime_too_old', '>=99', NPM_ENGINE],
    ['runtime_too_old', 'Python>=3.10', UV_PYTHON],
    [
      'runtime_too_old',
      'node:nope',
      ofNode('Error [ERR_UNKNOWN_BUILTIN_MODULE]: No such built-in module: node:nope', 'ERR_UNKNOWN_BUILTIN_MODULE'),
    ],
    ['runtime_too_old', 'Node.js 22', 'This server requires Node.js 22 or newer.'],
    [
      'runtime_too_old',
      'Python',
      ofPython("TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'", 'def f(x: int | None): pass'),
    ],
    [
      'runtime_too_old',
      'Python',
      ofPython("ImportError: cannot import name 'Self' from 'typing' (/usr/lib/python3.8/typing.py)"),
    ],
    [
      'syntax_error',
      '',
      "/srv/server.cjs:1\nconst a = 1; using b = 3;\n             ^\n\nSyntaxError: Unexpected identifier 'b'\n    at wrapSafe (node:internal/modules/cjs/loader:1464:18)\n\nNode.js v20.20.2",
    ],
    ['syntax_error', '', '  File "server.py", line 1\n    match 1:\n          ^\nSyntaxError: invalid syntax'],
    ['port_in_use', '41699', ofNode('Error: listen EADDRINUSE: address already in use 127.0.0.1:41699', 'EADDRINUSE')],
    ['port_in_use', '', ofPython('OSError: [Errno 98] Address already in use')],
    ['port_in_use', '8080', 'listen tcp :8080: bind: address already in use'],
    [
      'port_in_use',
      '8000',
      "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
    ],
    ['permission_denied', '/var/lib/x', ofNode("Error: EACCES: permission denied, open '/var/lib/x'", 'EACCES')],
    ['permission_denied', '127.0.0.1:80', ofNode('Error: listen EACCES: permission denied 127.0.0.1:80', 'EACCES')],
    ['permission_denied', '/var/lib/x', ofPython("PermissionError: [Errno 13] Permission denied: '/var/lib/x'")],
    ['disk_full', '', ofNode('Error: ENOSPC: no space left on device, write', 'ENOSPC')],
    ['disk_full', '', ofPython('OSError: [Errno 28] No space left on device')],
    ['out_of_memory', '', ofPython('MemoryError')],
    ['too_many_files', '', ofNode("Error: EMFILE: too many open files, open '/srv/x'", 'EMFILE')],
    ['upstream_unreachable', '127.0.0.1:5432', ofNode('Error: connect ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED')],
    [
      'container_engine_down',
      '',
      "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n\nRun 'docker run --help' for more information",
    ],
    [
      'container_engine_refused',
      '',
      'docker: permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock',
    ],
    [
      'image_not_found',
      'tg',
      "Unable to find image 'tg:latest' locally\ndocker: Error response from daemon: pull access denied for tg, repository does not exist or may require 'docker login': denied: requested access to the resource is denied.\nSee 'docker run --help'.",
    ],
    [
      'image_not_found',
      'x/y:2e-v2',
      "docker: Error response from daemon: manifest for x/y:2e-v2 not found: manifest unknown: manifest unknown.\nSee 'docker run --help'.",
    ],
    ['container_wants_terminal', '', 'the input device is not a TTY'],
    [
      'inner_command_not_found',
      'server',
      'docker: Error response from daemon: failed to create task: exec: "server": executable file not found in $PATH: unknown.',
    ],
    ['login_required', '', 'Please authorize this client by visiting:\nhttps://auth.example/authorize?client_id=1'],
    ['login_required', '', "ERROR: Please run 'az login' to setup account."],
  ])('is %s (%s) where the last words are of that kind', (code, name, stderr) => {
    const words = told(stderr);
    expect(words?.split(':')[0]).toBe(code);
    expect(words).toContain(name);
    expect(FAILURES).toHaveProperty(code);
  });

  it.each([
    [
      'wrong_arguments',
      '--root',
      2,
      'usage: server [-h] --root ROOT\nserver: error: the following arguments are required: --root',
    ],
    ['wrong_arguments', '--no-such-flag', 9, 'node: bad option: --no-such-flag'],
    [
      'wrong_arguments',
      '--nope',
      1,
      ofNode("TypeError [ERR_PARSE_ARGS_UNKNOWN_OPTION]: Unknown option '--nope'", 'ERR_PARSE_ARGS_UNKNOWN_OPTION'),
    ],
    ['wrong_arguments', 'argument', 1, 'Please provide a database URL as a command-line argument'],
    ['wrong_arguments', 'usage', 1, 'Usage: mcp-server-filesystem <allowed-directory> [additional-directories...]'],
    ['inner_command_not_found', 'no-such-command-x', 127, 'sh: 1: no-such-command-x: not found'],
    ['inner_command_not_found', 'no-such-command-x', 127, 'bash: line 1: no-such-command-x: command not found'],
    ['inner_command_not_found', 'nodexx', 127, '/usr/bin/env: ‘nodexx’: No such file or directory'],
    ['inner_command_not_found', 'a command', 127, ''],
    ['inner_command_not_executable', '/etc/passwd', 126, 'sh: 1: /etc/passwd: Permission denied'],
    ['crashed', 'SIGSEGV', 139, 'Segmentation fault'],
    ['crashed', 'SIGABRT', 134, 'bash: 16722 Aborted                 node -e "process.abort()"'],
    ['killed', 'SIGKILL', 137, 'Killed'],
    ['terminated', 'SIGTERM', 143, 'Terminated'],
    ['out_of_memory', 'SIGABRT', 134, NODE_OOM],
    ['out_of_memory', 'SIGKILL', 137, 'worker: Out of memory, giving up'],
  ])('is %s (%s) by the code of the exit: %i', (expected, name, code, stderr) => {
    expect(codeOf(stderr, { code })).toBe(expected);
    expect(told(stderr, { code })).toContain(name);
    expect(FAILURES).toHaveProperty(expected);
  });

  it.each([
    ['crashed', 'SIGSEGV', ''],
    ['crashed', 'SIGBUS', ''],
    ['crashed', 'SIGILL', ''],
    ['crashed', 'SIGABRT', 'terminate called after throwing an instance of std::runtime_error'],
    ['out_of_memory', 'SIGABRT', NODE_OOM],
    ['killed', 'SIGKILL', ''],
    ['out_of_memory', 'SIGKILL', 'kernel: Out of memory: Killed process 4711 (node)'],
    ['terminated', 'SIGTERM', ''],
    ['terminated', 'SIGHUP', ''],
  ])('F24: is %s when %s ended it', (code, signal, stderr) => {
    expect(codeOf(stderr, { signal, ready: true })).toBe(code);
  });

  it('F24: believes the signal, whatever stood on stderr before', () => {
    expect(codeOf('API_KEY is missing', { signal: 'SIGSEGV' })).toBe('crashed');
  });

  it.each([
    [
      'an optional variable',
      '[tavily-mcp] no TAVILY_API_KEY set; running in keyless mode. An API key is required for the rest.',
    ],
    ['a default', 'LOG_LEVEL is not set, using the default "info"'],
    ['a warning', 'Warning: GITHUB_TOKEN is not set'],
    ['a variable that is there', 'GITHUB_TOKEN is set, MAX_RETRIES=3 required by policy'],
    ['a constant in capitals', 'state changed to NOT_READY, ERROR_CODE 17'],
    ['a key of another dictionary', ofPython("KeyError: 'GITHUB_TOKEN'", 'row = cache["GITHUB_TOKEN"]')],
    ['a model that is no configuration', PYDANTIC.replace('Settings', 'CallToolRequest')],
    ['a path that is no variable', ZOD.replaceAll(/API_KEY|SERVICE_URL/g, 'arguments')],
    ['a token of a parser', 'SyntaxError: Unexpected token } in JSON at position 17'],
    ['a page where JSON was expected', 'SyntaxError: Unexpected token \'<\', "<html>" is not valid JSON'],
    ['a 401 that is a number', 'processed 401 records in 12 ms'],
    ['a 401 that is tried again', 'Got HTTP 401, retrying with a fresh token'],
    ['a secret that is masked', 'bad *** here\nkey *** is wrong'],
    [
      'a warning of npm about versions',
      "npm warn EBADENGINE Unsupported engine {\nnpm warn EBADENGINE   required: { node: '>=99' }\nnpm warn EBADENGINE }",
    ],
    ['a 404 of a page', 'GET /favicon.ico 404 Not Found'],
    ['an optional module', "Optional: Error: Cannot find module 'bufferutil', continuing without"],
    ['a port that is given up', 'Port 3000: address already in use, trying another port'],
    ['the watchers of files', "Error: ENOSPC: System limit for number of file watchers reached, watch '/srv'"],
    ['the word memory', 'memory usage: 120 MB; cache in memory'],
    ['a browser error', 'TypeError: Failed to fetch'],
    ['a page to look at', 'Inspector is up, open http://localhost:6274 in your browser'],
    ['a login that worked', 'Successfully authenticated, you may close the browser'],
    ['a docker command that is logged', 'running docker run -it image'],
    ['an image that is being loaded', "Unable to find image 'tg:latest' locally"],
    ['a missing file', 'the database is missing'],
    ['a usage statistic', 'Memory usage: 12 MB'],
    ['nothing', ''],
  ])('is not guessed from %s', (_what, stderr) => {
    expect(told(stderr)).toBeNull();
  });

  it('is what the program said last', () => {
    const first = 'Error: connect ECONNREFUSED 127.0.0.1:5432';
    const last = 'Error: listen EADDRINUSE: address already in use :::3000';
    expect(codeOf(`${first}\nsome more lines\n${last}`)).toBe('port_in_use');
    expect(codeOf(`${last}\nsome more lines\n${first}`)).toBe('upstream_unreachable');
  });

  it('is the error and not the usage that is printed after it', () => {
    expect(
      codeOf('Error: API_KEY is required\nUsage: server [options]\n  --key <key>  missing argument', { code: 1 }),
    ).toBe('variable_missing');
  });

  it('is sought near the end of a long life, and not at all where it ended well', () => {
    const calls = Array.from({ length: 40 }, (_, index) => `call ${index} done`).join('\n');
    const long = `Error: Request failed with status code 401\n${calls}`;
    expect(told(long, { ready: true })).toBeNull();
    expect(codeOf(long)).toBe('credentials_refused');
    expect(told('Error: API_KEY is required', { ready: true, code: 0 })).toBeNull();
    expect(codeOf('Error: API_KEY is required', { code: 0 })).toBe('variable_missing');
  });

  it('is seen through colours', () => {
    expect(codeOf('\u001b[31mError:\u001b[0m \u001b[1mAPI_KEY\u001b[22m is required')).toBe('variable_missing');
  });

  it('names the variable in the hint', () => {
    const finding = readExit({ code: 1, signal: null }, ['Error: API_KEY is required'], { ready: false });
    expect(finding?.hint).toBe('Set API_KEY in `env` of the tool');
  });

  it('costs little, however nasty the lines are', () => {
    const nasty = [
      'A_'.repeat(4_096),
      'A'.repeat(8_192),
      `${'A_B, '.repeat(1_600)}is not`,
      'missing '.repeat(1_000),
      'please set '.repeat(700),
      'https://x/'.repeat(800),
      'npm error '.repeat(800),
      ' '.repeat(8_192),
      ': '.repeat(4_096),
      'authorize log in open '.repeat(350),
      'requires Node 1'.repeat(500),
      'SyntaxError: '.repeat(600),
    ];
    const lines = Array.from({ length: EVIDENCE_LINES }, (_, index) => nasty[index % nasty.length] ?? '');
    const tookMs = cpuMsOf(() => {
      readExit({ code: 127, signal: null }, lines, { ready: false });
      readExit({ code: 2, signal: null }, lines, { ready: false });
      readSilence(lines);
    });
    expect(tookMs).toBeLessThan(1_000);
  });
});

describe('the reason of silence', () => {
  const silent = (stderr: string) => readSilence(stderr.split('\n'))?.code;

  it('is a login, a download or what an exit would be explained by', () => {
    expect(silent('[1] Please authorize this client by visiting:\nhttps://auth.example/authorize?x=1\n')).toBe(
      'login_required',
    );
    expect(silent('To sign in, use a web browser to open the page https://login.example/devicelogin')).toBe(
      'login_required',
    );
    expect(silent('Waiting for OAuth authorization...')).toBe('login_required');
    expect(silent("Unable to find image 'mcp/time:latest' locally\nlatest: Pulling from mcp/time")).toBe(
      'still_downloading',
    );
    expect(silent('Downloading cryptography (4.3MiB)')).toBe('still_downloading');
    expect(silent('Error: API_KEY is required')).toBe('variable_missing');
    expect(silent(NPM_REFUSED)).toBe('registry_unreachable');
  });

  it('is not guessed from an ordinary log', () => {
    expect(silent('Server running on stdio\nListening')).toBeUndefined();
    expect(silent('Authentication complete. Open the dashboard in your browser')).toBeUndefined();
    expect(silent('')).toBeUndefined();
  });
});
