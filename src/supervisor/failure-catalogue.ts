/** A way of failing, as `lastError.code` names it. `docs/failures.md` shows the same words; its test compares. */
export interface FailureKind {
  /** What has happened. */
  meaning: string;
  /** What a human can do about it. */
  hint: string;
}

export const DEFAULT_HINT = 'See the messages of the tool in GET /logs/mcp and its stderr';

/** All that can be the reason of a failure. A finding from stderr brings a hint of its own where it knows a name. */
export const FAILURES: Readonly<Record<string, FailureKind>> = {
  // The program could not be started at all.
  command_not_found: {
    meaning: 'The command of the tool is not there',
    hint: 'Install the program, give its absolute path, or check PATH; `npx` and `uvx` come with Node.js and uv',
  },
  command_not_executable: {
    meaning: 'The command of the tool is a file that may not be run',
    hint: 'Make the file executable (chmod +x), or start it by its interpreter, such as `node server.js`',
  },
  cwd_hidden: {
    meaning: 'The folder `cwd` is hidden from tools (MCP_ISOLATION=bwrap)',
    hint: 'Choose a `cwd` outside of DATA_DIR, BACKUP_DIR and LOG_DIR',
  },
  command_hidden: {
    meaning: 'The program is in a folder that is hidden from tools (MCP_ISOLATION=bwrap)',
    hint: 'Move the program out of DATA_DIR, BACKUP_DIR and LOG_DIR',
  },
  cwd_not_found: { meaning: 'The folder `cwd` is not there', hint: 'Create the folder or correct `cwd`' },
  arguments_too_long: {
    meaning: 'The system refuses so long a command line',
    hint: 'Move the large argument into a file',
  },
  arguments_invalid: {
    meaning: 'The command line has a NUL byte',
    hint: 'Remove the NUL byte from the command, its arguments or its variables',
  },
  spawn_timeout: {
    meaning: 'The system did not start the program in time',
    hint: 'Does the folder of the program or `cwd` answer? A network file system that has gone away is the usual reason',
  },
  spawn_failed: {
    meaning: 'The system refused to start the program',
    hint: 'See the system log; too many open files or processes are the usual reasons',
  },
  url_missing: {
    meaning: 'A remote tool has no URL',
    hint: 'Set `url`, or the transport `stdio` and a `command`',
  },

  // The program ended, and its last words say why.
  variable_missing: {
    meaning: 'The program wants a variable that it was not given',
    hint: 'Set the variable that the message names in `env`',
  },
  credentials_refused: {
    meaning: 'A service that the program uses refuses its key, token or password',
    hint: 'Put a valid key or token into `env`; the old one may have expired or lack a right',
  },
  login_required: {
    meaning: 'The program waits for somebody to log in with a browser, or says that nobody has',
    hint: 'Run it once by hand as the user of MCPS.ONE and log in, or give it a token in `env` if it knows one',
  },
  package_not_found: {
    meaning: 'The package registry has no such package, or hides it from us',
    hint: 'Check the spelling in `args`; a private package needs the registry and its token in the npm or uv configuration',
  },
  package_version_not_found: {
    meaning: 'The package is there, but not in this version',
    hint: 'Name a version that exists, or none',
  },
  package_unresolvable: {
    meaning: 'The versions that the package wants do not go together',
    hint: 'Pin another version of the package in `args`; the last lines of its stderr name what is in conflict',
  },
  package_has_no_program: {
    meaning: 'The package was found, but there is no program of this name in it',
    hint: 'Name the program: `npx --package=<package> <program>` or `uvx --from <package> <program>`',
  },
  registry_unreachable: {
    meaning: 'The package registry could not be reached',
    hint: 'Check network, proxy and registry address. What was loaded before also starts without: add `--offline` to `args`',
  },
  registry_refused: {
    meaning: 'The package registry refuses our credentials, or asks to slow down',
    hint: 'Renew the token of the registry (`npm login`, `docker login`, .npmrc), or wait if it limits how often it is asked',
  },
  module_not_found: {
    meaning: 'The interpreter does not find the file or a library that the program needs',
    hint: 'Check the path in `args` and `cwd`, and install the dependencies of the program in its folder (npm ci, pip install)',
  },
  runtime_too_old: {
    meaning: 'The program wants another version of Node.js or Python',
    hint: 'Install the version that the message names, or give its absolute path as `command`',
  },
  syntax_error: {
    meaning: 'The interpreter could not read the program',
    hint: 'Usually its Node.js or Python is too old for the program (compare `node --version`), or the file is damaged',
  },
  wrong_arguments: {
    meaning: 'The program does not accept its arguments',
    hint: 'Correct `args`; the last lines of its stderr say what it expects',
  },
  port_in_use: {
    meaning: 'The program wants to listen on a port that is taken',
    hint: 'Give it another port, or end what holds this one; an MCP server on stdio seldom needs a port at all',
  },
  permission_denied: {
    meaning: 'The system denies the program a file or a port',
    hint: 'Give the user of MCPS.ONE the right to the file, or choose another file or a port above 1023',
  },
  disk_full: { meaning: 'The disk is full', hint: 'Free space on the disk of the program, of its cache or of /tmp' },
  out_of_memory: {
    meaning: 'The program ran out of memory',
    hint: 'Free memory or give it more: `--max-old-space-size=<MB>` as the first of `args` where the command is `node`',
  },
  too_many_files: {
    meaning: 'The program may open no more files',
    hint: 'Raise the limit (`ulimit -n`) under which MCPS.ONE runs',
  },
  upstream_unreachable: {
    meaning: 'A service that the program uses could not be reached',
    hint: 'Is that service running, and are host and port in `env` or `args` right?',
  },
  inner_command_not_found: {
    meaning: 'A command that the program runs is not there',
    hint: 'Install it, or add its folder to PATH in `env`',
  },
  inner_command_not_executable: {
    meaning: 'A command that the program runs may not be executed',
    hint: 'Make the file executable (chmod +x), and check the right to its folder',
  },
  container_engine_down: {
    meaning: 'The Docker or Podman service does not answer',
    hint: 'Start the service, or point DOCKER_HOST in `env` at one that runs',
  },
  container_engine_refused: {
    meaning: 'The user of MCPS.ONE may not use Docker',
    hint: 'Add that user to the group `docker`, or use rootless containers',
  },
  image_not_found: {
    meaning: 'The container image is not there, or not for us',
    hint: 'Check name and tag of the image; a private one needs `docker login` as the user of MCPS.ONE',
  },
  container_wants_terminal: {
    meaning: 'The container was asked to use a terminal, and there is none',
    hint: 'Remove -t from `args`: `docker run -i --rm <image>`, not -it',
  },
  still_downloading: {
    meaning: 'The launcher was still downloading when the time was over',
    hint: 'Start it once more: what was loaded is kept. If that does not help, raise `startTimeoutMs`',
  },

  // The program ended, and how it ended is all that is known.
  crashed: {
    meaning: 'The program crashed in its own machine code (SIGSEGV, SIGABRT, SIGBUS ...)',
    hint: 'A mistake in the program, its runtime or a native module: update them, or reinstall for this machine',
  },
  killed: {
    meaning: 'Something ended the program with SIGKILL, and it was not MCPS.ONE',
    hint: 'Lack of memory is the usual reason: the system log (`dmesg`, journalctl -k) names what was killed',
  },
  terminated: {
    meaning: 'Somebody else than MCPS.ONE ended the program (SIGTERM, SIGINT, SIGHUP)',
    hint: 'Look for who sends it signals: a shutdown of the machine, another supervisor, a person',
  },
  exited_before_handshake: {
    meaning: 'The program ended before it was ready',
    hint: 'The last lines of its stderr say why; a missing variable or argument is the usual reason',
  },
  exited: { meaning: 'The program ended while it was running', hint: 'The last lines of its stderr say why' },

  // The program lives but does not do what it should.
  connection_lost: {
    meaning: 'The program closed its output but stayed',
    hint: 'The program closed its output although it is to stay; its stderr may say why',
  },
  memory_limit: {
    meaning: 'The processes of the tool used more memory than `memoryLimitBytes` in three samples in a row',
    hint: 'Raise `memoryLimitBytes` if the tool needs so much; else it leaks: update it, and see GET /tools/{tool}/metrics',
  },
  handshake_timeout: {
    meaning: 'The server did not agree on a protocol revision in time',
    hint: 'Is it an MCP server on standard input and output? If it is only slow to start, raise `startTimeoutMs`',
  },
  closed_during_probe: {
    meaning: 'The connection ended at the first question',
    hint: 'The program closed its output at the first question; its stderr may say why',
  },
  closed_during_handshake: {
    meaning: 'The connection ended during the handshake',
    hint: 'The server ended the connection before it was ready; its stderr or its log may say why',
  },
  transport_closed: {
    meaning: 'The connection was closed before the first question',
    hint: 'The program closed its input before it was ready; its stderr may say why',
  },
  handshake_refused: {
    meaning: 'The server answered the handshake with an error',
    hint: 'The server refused to be initialized; its message says why',
  },
  not_mcp: {
    meaning: 'What came on standard output is no MCP',
    hint: 'The program writes something else than MCP on standard output; is this the right command, and does it log to stderr?',
  },
  protocol_mismatch: {
    meaning: 'The two sides have no protocol revision in common',
    hint: 'Update the server, or MCPS.ONE: they have no protocol revision in common',
  },
  message_too_big: {
    meaning: 'A message is over the size limit',
    hint: 'Raise MCP_MAX_MESSAGE_BYTES, or let the server answer with less',
  },
  unresponsive: {
    meaning: 'The server runs but does not answer; after three questions in a row it is ended',
    hint: 'It hangs or is overloaded: its stderr or its own log may say why; MCP_HEALTH_INTERVAL says how often it is asked',
  },
  stdin_stuck: {
    meaning: 'The program has not read its standard input for 30 s, and was ended',
    hint: 'Is it an MCP server on standard input and output, and what does it wait for? Its stderr may say so',
  },
  start_failed: { meaning: 'The start failed in a way that has no name yet', hint: DEFAULT_HINT },
  unkillable: {
    meaning: 'A process of the tool survived SIGKILL',
    hint: 'It waits in the kernel (a stuck disk or network file system?); end that wait or restart the machine',
  },

  // Remote servers.
  remote_refused: {
    meaning: 'Nobody accepts connections at this address',
    hint: 'Is the server running, and are host and port right?',
  },
  remote_unreachable: {
    meaning: 'There is no way to this host',
    hint: 'Check network, VPN and firewall between MCPS.ONE and the server',
  },
  remote_dns: {
    meaning: 'The host name is unknown, or could not be looked up',
    hint: 'Check the host name in the URL',
  },
  remote_tls: {
    meaning: 'No secure connection could be made',
    hint: 'Does the server speak TLS at this port? `https` or `http` in the URL must fit',
  },
  remote_tls_expired: {
    meaning: "The server's certificate is not valid at this time",
    hint: 'Renew the certificate of the server, and check the clock of this machine',
  },
  remote_tls_untrusted: {
    meaning: "The server's certificate was signed by nobody we trust",
    hint: 'Add its authority by NODE_EXTRA_CA_CERTS in the environment of MCPS.ONE, or give the server a public certificate',
  },
  remote_tls_wrong_host: {
    meaning: "The server's certificate is for another host",
    hint: 'Use the host name that the certificate names in the URL, or correct the certificate',
  },
  remote_timeout: {
    meaning: 'The server did not accept the connection or did not answer in time',
    hint: 'The server did not answer in time; check the network, or raise `startTimeoutMs`',
  },
  remote_stalled: {
    meaning: 'The server began an answer and never finished it',
    hint: 'Look into the log of the server and of the proxies before it: the answer got stuck on its way',
  },
  remote_unauthorized: {
    meaning: 'The server asks for credentials, or refuses the given ones (HTTP 401)',
    hint: 'Send valid credentials: set the Authorization header in `headers`',
  },
  remote_forbidden: {
    meaning: 'The server forbids the access (HTTP 403)',
    hint: 'The credentials lack the right to use this server',
  },
  remote_address_refused: {
    meaning: 'The address of the server is closed to remote tools',
    hint: 'Remote tools may not be at this address; the message says why, and which setting allows it, if one does',
  },
  remote_not_found: {
    meaning: 'There is nothing at this URL (HTTP 404)',
    hint: 'There is nothing at this URL; does the path end in /mcp (or /sse)?',
  },
  remote_server_error: { meaning: 'The server failed (HTTP 5xx)', hint: 'The server failed; its own log says why' },
  remote_gateway_error: {
    meaning: 'A proxy answered that the server behind it is away (HTTP 502, 503, 504)',
    hint: 'Is the server behind the proxy running? The log of the proxy names what it could not reach',
  },
  remote_rate_limited: {
    meaning: 'The server limits how often it may be asked (HTTP 429)',
    hint: 'Wait; the message says how long if the server did',
  },
  remote_not_mcp: {
    meaning: 'What answered is no MCP server',
    hint: 'What answered is no MCP server; check the URL and the transport (streamable-http or sse)',
  },
  remote_redirect: {
    meaning: 'The server redirects in circles or to another origin',
    hint: 'Give the final URL; credentials are never sent on to another origin',
  },
  remote_connection_lost: {
    meaning: 'The connection broke off in the middle',
    hint: 'The connection to the server broke off; check the network and the log of the server',
  },
  remote_http_error: {
    meaning: 'The server refused the request in another way',
    hint: 'The server refused the request; check URL, headers and the transport (streamable-http or sse)',
  },
  remote_session_lost: {
    meaning: 'The server has forgotten our session (HTTP 404)',
    hint: 'The server has forgotten the session; it is opened anew',
  },
};
