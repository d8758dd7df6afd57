import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { DomainError } from '../common/domain-error';
import { traceContextOf } from '../common/trace-context';
import { ClientMessage } from '../mcp/client-message';
import { isTellable } from '../mcp/rpc-answers';
import { ToolOutOfScopeError } from '../tools/tools.errors';
import { EndpointNotFoundError, ShuttingDownError } from './gateway.errors';
import { GatewayAccess } from './gateway-access';
import { GatewayEndpoints } from './gateway-endpoints';
import { GatewayLimits } from './gateway-limits';
import { type GatewayPath, GatewayPaths } from './gateway-paths';
import type { Endpoint, GatewayRequest } from './gateway.types';
import { commonHeaders, writeEmpty, writeJson, writeRefusal } from './http-answers';
import { LegacyFront } from './legacy-front';
import { ModernFront } from './modern-front';
import { readBody } from './request-body';
import { SseFront } from './sse-front';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const ALLOWED_HEADERS =
  'Authorization, Content-Type, Accept, X-API-Key, X-Request-Id, Last-Event-ID, Mcp-Session-Id, Mcp-Method, Mcp-Name, MCP-Protocol-Version';
const NOBODY: Principal = {
  type: 'apiKey',
  id: '',
  name: 'anonymous',
  role: 'viewer',
  sessionId: null,
  mustChangePassword: false,
  toolIds: new Set(),
  expiresAt: null,
};

/**
 * The raw handler of everything below `/mcp`, in front of the framework's pipeline: names, credentials, limits, and then
 * on to the front of the dialect that is spoken. Nothing on the way of a known client waits or asks the database.
 */
@Injectable()
export class GatewayFront {
  /** Set once MCPS.ONE is being stopped: what comes now is refused. */
  isClosing = false;
  /** Throws while nobody is let in (maintenance). */
  assertOpen: () => void = () => undefined;
  /** Throws while there is no memory for a body. */
  takeRoom: (to: GatewayRequest, limitBytes: number) => void = () => undefined;
  private readonly logger = new Logger('Gateway');
  private readonly paths = new GatewayPaths();
  private readonly idPrefix = randomUUID().slice(0, 13);
  private lastId = 0;

  constructor(
    private readonly access: GatewayAccess,
    private readonly endpoints: GatewayEndpoints,
    private readonly limits: GatewayLimits,
    private readonly legacy: LegacyFront,
    private readonly modern: ModernFront,
    private readonly sse: SseFront,
  ) {}

  /** False: the request is none of ours. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = this.paths.read(request.url ?? '');
    if (path === null) return false;
    const to: GatewayRequest = {
      request,
      response,
      id: this.requestIdOf(request),
      origin: request.headers.origin ?? null,
      principal: NOBODY,
    };
    try {
      this.access.checkNames(request);
    } catch (error) {
      this.refuse({ ...to, origin: null }, error);
      return true;
    }
    try {
      if (request.method === 'OPTIONS') this.answerPreflight(to);
      else if (path.kind === 'metadata') this.answerMetadata(to, path);
      else this.admit(to, path);
    } catch (error) {
      this.refuse(to, error);
    }
    return true;
  }

  private admit(to: GatewayRequest, path: GatewayPath): void {
    if (this.isClosing) throw new ShuttingDownError();
    this.assertOpen();
    const known = this.access.recall(to.request);
    if (known === null) {
      void this.admitStranger(to, path);
      return;
    }
    to.principal = known;
    const endpoint = this.endpoints.peek(path.tool);
    if (endpoint === undefined) void this.findEndpoint(to, path);
    else this.enter(to, path, endpoint);
  }

  private async admitStranger(to: GatewayRequest, path: GatewayPath): Promise<void> {
    try {
      to.principal = await this.access.authenticate(to.request);
      this.enter(to, path, await this.endpoints.find(path.tool));
    } catch (error) {
      this.refuse(to, error, this.challenge(to, path));
    }
  }

  private async findEndpoint(to: GatewayRequest, path: GatewayPath): Promise<void> {
    try {
      this.enter(to, path, await this.endpoints.find(path.tool));
    } catch (error) {
      this.refuse(to, error);
    }
  }

  private enter(to: GatewayRequest, path: GatewayPath, endpoint: Endpoint | null): void {
    const { principal } = to;
    if (endpoint?.admits(principal) !== true) {
      // What is not for a key and what there is not are the same to it.
      if (principal.toolIds !== null && path.tool !== null) throw new ToolOutOfScopeError(path.tool);
      throw new EndpointNotFoundError();
    }
    this.access.charge(principal);
    const { method } = to.request;
    if (path.kind === 'sse' && method === 'GET') {
      const base = path.tool === null ? '/mcp' : `/mcp/${path.tool}`;
      this.sse.open(to, endpoint, `${base}/messages`, randomUUID());
      return;
    }
    if (method === 'POST') this.readMessages(to, path, endpoint);
    else if (path.kind === 'http' && (method === 'GET' || method === 'DELETE') && !speaksModern(to.request)) {
      if (method === 'GET') this.legacy.stream(to, endpoint);
      else this.legacy.end(to, endpoint);
    } else writeEmpty(to, 405, ['Allow', path.kind === 'http' ? 'GET, POST, DELETE, OPTIONS' : 'GET, POST, OPTIONS']);
  }

  private readMessages(to: GatewayRequest, path: GatewayPath, endpoint: Endpoint): void {
    const { bodyBytes } = this.limits;
    // What is left of the body is not worth reading: the connection goes with it.
    const refuse = (error: unknown) => this.refuse(to, error, ['Connection', 'close']);
    try {
      this.takeRoom(to, bodyBytes);
    } catch (error) {
      refuse(error);
      return;
    }
    readBody(to.request, bodyBytes, (text) => this.onMessages(to, path, endpoint, text), refuse);
  }

  private onMessages(to: GatewayRequest, path: GatewayPath, endpoint: Endpoint, text: string): void {
    let messages: ClientMessage[] = [];
    try {
      messages = tracedBy(to.request, ClientMessage.readAll(text));
      const [first] = messages;
      if (path.kind !== 'http') this.sse.post(to, endpoint, sessionIn(to.request), messages);
      else if (first !== undefined && messages.length === 1 && this.modern.speaks(to.request, first)) {
        this.modern.post(to, endpoint, first);
      } else this.legacy.post(to, endpoint, messages);
    } catch (error) {
      const [first] = messages;
      this.refuse(to, error, [], messages.length === 1 && first?.kind === 'request' ? first.idText : 'null');
    }
  }

  private refuse(to: GatewayRequest, error: unknown, headers: readonly string[] = [], idText = 'null'): void {
    if (!isTellable(error)) {
      this.logger.error('A request to the gateway failed', error, { requestId: to.id });
    }
    this.access.note(to.request, to.id, to.principal === NOBODY ? null : to.principal, error);
    const isUnauthenticated = error instanceof DomainError && error.kind === 'unauthenticated';
    writeRefusal(to, error, idText, isUnauthenticated || !headers.includes('WWW-Authenticate') ? headers : []);
  }

  /** Where to learn how to get in (RFC 9728), for 401 alone. */
  private challenge(to: GatewayRequest, path: GatewayPath): readonly string[] {
    const document = `${this.access.baseUrl(to.request)}/.well-known/oauth-protected-resource${resourcePath(path)}`;
    return ['WWW-Authenticate', `Bearer realm="mcps-one", resource_metadata="${document}"`];
  }

  private answerMetadata(to: GatewayRequest, path: GatewayPath): void {
    if (to.request.method !== 'GET' && to.request.method !== 'HEAD') {
      writeEmpty(to, 405, ['Allow', 'GET, HEAD, OPTIONS']);
      return;
    }
    const document = {
      resource: this.access.baseUrl(to.request) + resourcePath(path),
      resource_name: 'MCPS.ONE',
      bearer_methods_supported: ['header'],
    };
    writeJson(to, 200, JSON.stringify(document));
  }

  private answerPreflight(to: GatewayRequest): void {
    const { response } = to;
    response.writeHead(204, [
      ...commonHeaders(to),
      ...['Access-Control-Allow-Methods', 'GET, POST, DELETE, OPTIONS'],
      ...['Access-Control-Allow-Headers', ALLOWED_HEADERS, 'Access-Control-Max-Age', '600'],
    ]);
    response.end();
  }

  private requestIdOf({ headers }: IncomingMessage): string {
    const given = headers['x-request-id'];
    if (typeof given === 'string' && REQUEST_ID.test(given)) return given;
    this.lastId += 1;
    return `${this.idPrefix}-${this.lastId.toString(36)}`;
  }
}

/** The trace of a caller goes on to the server. */
function tracedBy({ headers }: IncomingMessage, messages: ClientMessage[]): ClientMessage[] {
  if (headers.traceparent === undefined) return messages;
  const trace = traceContextOf(headers);
  return trace === null ? messages : messages.map((message) => message.traced(trace));
}

function speaksModern({ headers }: IncomingMessage): boolean {
  const version = headers['mcp-protocol-version'];
  return typeof version === 'string' && version >= '2026' && headers['mcp-session-id'] === undefined;
}

function resourcePath({ tool }: GatewayPath): string {
  return tool === null || tool === '' ? '/mcp' : `/mcp/${encodeURIComponent(tool)}`;
}

function sessionIn({ url = '' }: IncomingMessage): string {
  return new URLSearchParams(url.split('?')[1] ?? '').get('sessionId') ?? '';
}
