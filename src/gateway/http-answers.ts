import type { ServerResponse } from 'node:http';
import { DomainError } from '../common/domain-error';
import { statusOf } from '../common/problem.filter';
import { MalformedMessageError } from '../mcp/client-message';
import { errorAnswer, RpcRefusal, rpcErrorFor } from '../mcp/rpc-answers';
import { DirectResponse } from './direct-response';
import type { GatewayRequest } from './gateway.types';

/** What a page of an allowed origin may see of our answers. */
const EXPOSED = 'Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, X-Request-Id';

/** Header lines that every answer carries. */
export function commonHeaders({ id, origin }: GatewayRequest): string[] {
  const headers = ['X-Request-Id', id, 'Cache-Control', 'no-store'];
  if (origin === null) return headers;
  return [
    ...headers,
    'Access-Control-Allow-Origin',
    origin,
    'Vary',
    'Origin',
    'Access-Control-Expose-Headers',
    EXPOSED,
  ];
}

/** A whole JSON message. */
export function writeJson(to: GatewayRequest, status: number, text: string, more?: readonly string[]): void {
  const { response } = to;
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.byteLength(text);
  if (status === 200 && more === undefined && bytes === text.length && writesWhole(to, text)) return;
  const headers = commonHeaders(to);
  headers.push('Content-Type', 'application/json', 'Content-Length', String(bytes));
  if (more) headers.push(...more);
  response.writeHead(status, headers);
  response.end(text);
}

/** Most answers: ASCII, to no page of a browser, on a connection that is kept. */
function writesWhole({ response, origin, request, id }: GatewayRequest, text: string): boolean {
  if (origin !== null || request.method !== 'POST' || !(response instanceof DirectResponse)) return false;
  const lines = `X-Request-Id: ${id}\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n`;
  return response.sendWhole(lines, text);
}

export function writeEmpty(to: GatewayRequest, status: number, more?: readonly string[]): void {
  const { response } = to;
  if (response.headersSent || response.destroyed) return;
  const headers = commonHeaders(to);
  headers.push('Content-Length', '0');
  if (more) headers.push(...more);
  response.writeHead(status, headers);
  response.end();
}

/** A refusal as HTTP status and JSON-RPC error; `idText`: of the request that is refused, where there is one. */
export function writeRefusal(to: GatewayRequest, error: unknown, idText = 'null', more: readonly string[] = []): void {
  const headers = [...more];
  const retryAfter = error instanceof DomainError ? error.retryAfterSeconds : undefined;
  if (retryAfter !== undefined) headers.push('Retry-After', String(Math.max(1, Math.ceil(retryAfter))));
  writeJson(to, httpStatusOf(error), errorAnswer(idText, rpcErrorFor(error)), headers);
}

/** The status that says the same as the error. */
function httpStatusOf(error: unknown): number {
  if (error instanceof DomainError) return statusOf(error.kind);
  return error instanceof MalformedMessageError || error instanceof RpcRefusal ? 400 : 500;
}

/** Begins an event stream. */
export function beginEvents(to: GatewayRequest, response: ServerResponse, more?: readonly string[]): void {
  const headers = commonHeaders(to);
  // Proxies must hand events on as they come.
  headers.push('Content-Type', 'text/event-stream', 'X-Accel-Buffering', 'no');
  if (more) headers.push(...more);
  response.writeHead(200, headers);
  response.flushHeaders();
}
