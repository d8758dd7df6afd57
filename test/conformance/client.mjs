#!/usr/bin/env node
/**
 * A client made of the parts with which MCPS.ONE connects to remote servers (dist/src/mcp). The suite starts it with the
 * URL of its server appended. It does what a user could do: looks at all there is and tries each of it once.
 */
import { listOfferings } from '../../dist/src/mcp/capability-listing.js';
import { performHandshake } from '../../dist/src/mcp/handshake.js';
import { McpPeer } from '../../dist/src/mcp/mcp-peer.js';
import { NEWEST_LEGACY_VERSION } from '../../dist/src/mcp/revisions.js';
import { RemoteTransport } from '../../dist/src/mcp/remote-transport.js';

const TIMEOUT_MS = 20_000;
const MAX_ROUNDS = 10;
const url = process.argv.at(-1);
const { toolCalls } = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const { signal } = new AbortController();
const clientInfo = { name: 'mcps-one', version: '0.0.0' };
const asker = { client: 'conformance', sessionId: null };

const peer = new McpPeer({
  transport: new RemoteTransport({ transport: 'streamable-http', url }),
  sink: { record: () => undefined },
  tool: { id: 'conformance', name: 'conformance', recordPayloads: true },
  clientInfo,
  onNoise: (sample) => console.error(sample),
});

const request = (method, params) => peer.request({ method, params, timeoutMs: TIMEOUT_MS, ...asker, signal });

/** What a user would answer who changes nothing. */
function answerTo({ method, params }) {
  if (method !== 'elicitation/create') throw new Error(`This client does not answer ${method}`);
  const properties = Object.entries(params.requestedSchema.properties);
  return {
    action: 'accept',
    content: Object.fromEntries(properties.map(([name, schema]) => [name, valueFor(schema)])),
  };
}

function valueFor({ type, default: fallback }) {
  if (fallback !== undefined) return fallback;
  return { string: 'text', boolean: true, array: [], object: {} }[type] ?? 1;
}

/** A request until it is complete: a modern server asks by ending it, and wants it again with the answers. */
async function complete(method, params) {
  let round = params;
  for (let count = 0; count < MAX_ROUNDS; count += 1) {
    const result = await request(method, round);
    if (result.resultType !== 'input_required') return result;
    const asked = Object.entries(result.inputRequests ?? {});
    const inputResponses = Object.fromEntries(asked.map(([key, question]) => [key, answerTo(question)]));
    round = { ...params, inputResponses, ...('requestState' in result && { requestState: result.requestState }) };
  }
  throw new Error(`${method} was not complete after ${MAX_ROUNDS} rounds`);
}

/** A request that the server may refuse: what was wrong is for the suite to say. */
async function attempt(method, params) {
  await complete(method, params).catch((error) => console.error(error.message));
}

function sampleArguments({ properties = {}, required = [] } = {}) {
  return Object.fromEntries(required.map((name) => [name, valueFor(properties[name] ?? {})]));
}

/** A legacy server asks by a request of its own. */
peer.onServerRequest((asked) => {
  const startedAt = performance.now();
  const text = JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: answerTo(asked) });
  peer.respond(asked, text, { ...asker, startedAt, isError: false });
  return true;
});

await peer.open(signal);
const initialize = { protocolVersion: NEWEST_LEGACY_VERSION, capabilities: { elicitation: {} }, clientInfo };
const identity = await performHandshake(peer, { timeoutMs: TIMEOUT_MS, signal, probe: 'auto', initialize });
if (identity.era === 'legacy') peer.notify('notifications/initialized', undefined, asker);
const offered = await listOfferings(peer, identity, { timeoutMs: TIMEOUT_MS, signal });
const calls =
  toolCalls ?? offered.tools.map(({ name, inputSchema }) => ({ name, arguments: sampleArguments(inputSchema) }));
for (const call of calls) await attempt('tools/call', call);
for (const { uri } of offered.resources) await attempt('resources/read', { uri });
for (const { name } of offered.prompts) await attempt('prompts/get', { name });
// A server without any capability is looked at all the same: the suite counts the requests.
if (offered.tools.length === 0) await attempt('tools/list', {});
await peer.close();
