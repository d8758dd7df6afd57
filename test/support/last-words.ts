/** What programs, package managers and languages print before they end, as they really do. */

/** A crash of Node.js as it prints it: the reason stands far above the end. */
export const ofNode = (reason: string, code: string) => `node:internal/modules/cjs/loader:1210
  throw err;
  ^

${reason}
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)
    at Module._load (node:internal/modules/cjs/loader:1038:27)
    at node:internal/main/run_main_module:28:49 {
  code: '${code}',
  requireStack: []
}

Node.js v20.20.2`;

export const ofPython = (reason: string, line = 'start()') => `Traceback (most recent call last):
  File "server.py", line 2, in <module>
    ${line}
    ~~~~~~^^
${reason}`;

export const NPM_E404 = `npm error code E404
npm error 404 Not Found - GET https://registry.example/no-such-package-mcp
npm error 404
npm error 404  The requested resource 'no-such-package-mcp@*' could not be found or you do not have permission to access it.
npm error 404
npm error 404 Note that you can also install from a
npm error 404 tarball, folder, http url, or git url.
npm error A complete log of this run can be found in: /home/x/.npm/_logs/debug-0.log`;

export const NPM_ETARGET = `npm error code ETARGET
npm error notarget No matching version found for @modelcontextprotocol/server-everything@99.0.0.
npm error notarget In most cases you or one of your dependencies are requesting a package version that doesn't exist.
npm error A complete log of this run can be found in: /home/x/.npm/_logs/debug-0.log`;

export const NPM_REFUSED = `npm error code ECONNREFUSED
npm error syscall connect
npm error errno ECONNREFUSED
npm error FetchError: request to http://127.0.0.1:1/some-mcp failed, reason: connect ECONNREFUSED 127.0.0.1:1
npm error     at ClientRequest.<anonymous> (/usr/lib/node_modules/npm/node_modules/minipass-fetch/lib/index.js:130:14)
npm error     at process.processTicksAndRejections (node:internal/process/task_queues:83:21) {
npm error   code: 'ECONNREFUSED',
npm error   address: '127.0.0.1',
npm error   type: 'system'
npm error }
npm error
npm error If you are behind a proxy, please make sure that the 'proxy' config is set properly.  See: 'npm help config'
npm error A complete log of this run can be found in: /home/x/.npm/_logs/debug-0.log`;

export const NPM_ENGINE = `npm error code EBADENGINE
npm error engine Unsupported engine
npm error engine Not compatible with your version of node/npm: e@1.0.0
npm error notsup Not compatible with your version of node/npm: e@1.0.0
npm error notsup Required: {"node":">=99"}
npm error notsup Actual:   {"node":"v20.20.2","npm":"11.19.1"}
npm error A complete log of this run can be found in: /home/x/.npm/_logs/debug-0.log`;

export const UV_NOT_FOUND = `  × No solution found when resolving tool dependencies:
  ╰─▶ Because mcp-ashby-connector was not found in the package registry and you require mcp-ashby-connector, we
      can conclude that your requirements are unsatisfiable.`;

export const UV_OFFLINE = `error: Failed to fetch: \`https://pypi.example/simple/mcp-server-sqlite/\`
  Caused by: Could not connect, are you offline?
  Caused by: Request failed after 3 retries
  Caused by: error sending request for url (https://pypi.example/simple/mcp-server-sqlite/)
  Caused by: client error (Connect)
  Caused by: dns error: failed to lookup address information: Try again`;

export const UV_PYTHON = `  × No solution found when resolving tool dependencies:
  ╰─▶ Because the current Python version (3.8.18) does not satisfy Python>=3.10 and mcp==1.2.0 depends on
      Python>=3.10, we can conclude that mcp==1.2.0 cannot be used.`;

export const PYDANTIC = `pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings
github_token
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.13/v/missing
API_KEY
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.13/v/missing`;

export const ZOD = `ZodError: [
  {
    "expected": "string",
    "code": "invalid_type",
    "path": [
      "API_KEY"
    ],
    "message": "Invalid input: expected string, received undefined"
  },
  {
    "expected": "string",
    "code": "invalid_type",
    "path": [
      "SERVICE_URL"
    ],
    "message": "Invalid input: expected string, received undefined"
  }
]
    at file:///srv/server.mjs:4:58

Node.js v20.20.2`;

export const NODE_OOM = `<--- Last few GCs --->
<--- JS stacktrace --->

FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0xb78db3 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]`;
