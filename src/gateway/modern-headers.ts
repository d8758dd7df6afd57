import type { IncomingHttpHeaders } from 'node:http';
import { isRecord, META_CLIENT_CAPABILITIES, META_PROTOCOL_VERSION, targetOf } from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { MODERN_VERSIONS } from '../mcp/revisions';
import { RpcRefusal } from '../mcp/rpc-answers';
import { SUPPORTED_VERSIONS } from './local-answers';

/** Methods whose header Mcp-Name repeats what they name. */
const NAMED: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
const ENCODED = /^=\?base64\?(.*)\?=$/i;

/**
 * What a modern request must say of itself, in its headers and in its body alike (2026-07-28, transports/streamable-http).
 * @throws RpcRefusal with the code that the specification names; each is a 400
 */
export function checkModernRequest(headers: IncomingHttpHeaders, message: ClientMessage): void {
  const version = headers['mcp-protocol-version'];
  const inBody = message.modernVersion;
  if (version === undefined) throw mismatch('MCP-Protocol-Version', 'is missing');
  if (inBody === undefined && message.kind === 'request')
    throw new RpcRefusal(RPC_CODES.invalidParams, `_meta["${META_PROTOCOL_VERSION}"] is missing`);
  if (inBody !== undefined && inBody !== version) throw mismatch('MCP-Protocol-Version', 'is not what the body says');
  if (!MODERN_VERSIONS.includes(String(version))) {
    const data = { supported: SUPPORTED_VERSIONS, requested: version };
    throw new RpcRefusal(
      RPC_CODES.unsupportedProtocolVersion,
      `Unsupported protocol version: ${String(version)}`,
      data,
    );
  }
  if (headers['mcp-method'] === undefined) throw mismatch('Mcp-Method', 'is missing');
  if (headers['mcp-method'] !== message.method) throw mismatch('Mcp-Method', 'is not what the body says');
  checkName(headers['mcp-name'], message);
  if (message.kind === 'request' && !isRecord(message.meta?.[META_CLIENT_CAPABILITIES]))
    throw new RpcRefusal(RPC_CODES.invalidParams, `_meta["${META_CLIENT_CAPABILITIES}"] is missing`);
}

function checkName(header: string | string[] | undefined, { method, params }: ClientMessage): void {
  if (!NAMED.has(method)) return;
  const name = targetOf(method, params);
  if (header === undefined) throw mismatch('Mcp-Name', 'is missing');
  if (decoded(String(header)) !== name) throw mismatch('Mcp-Name', 'is not what the body says');
}

/** A header value as the client meant it: what is not plain ASCII travels as base64. */
function decoded(value: string): string {
  const encoded = ENCODED.exec(value)?.[1];
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
}

function mismatch(header: string, what: string): RpcRefusal {
  return new RpcRefusal(RPC_CODES.headerMismatch, `Header mismatch: ${header} ${what}`);
}
