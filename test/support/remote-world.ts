import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RpcMessage } from '../../src/mcp/json-rpc.types';
import { RemoteTransport, type RemoteTransportOptions } from '../../src/mcp/remote-transport';
import type { TransportEnd } from '../../src/mcp/transport.types';

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  message: RpcMessage;
}

export type Handler = (exchange: Exchange) => void;

/** A server of one behaviour on a free port; keeps what it was asked. */
export class HttpServer {
  readonly exchanges: Exchange[] = [];
  private readonly server: Server;

  constructor(handler: Handler) {
    this.server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        const exchange = { request, response, message: (body ? JSON.parse(body) : {}) as RpcMessage };
        this.exchanges.push(exchange);
        handler(exchange);
      });
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/mcp`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  of(method: string): Exchange[] {
    return this.exchanges.filter(({ request, message }) => message.method === method || request.method === method);
  }
}

/** Hears a transport, and lets a test await what it hears. */
export class Ear {
  readonly messages: RpcMessage[] = [];
  readonly noise: string[] = [];
  readonly oversized: [string, number][] = [];
  readonly failures: { message: RpcMessage; end: TransportEnd }[] = [];
  readonly ends: TransportEnd[] = [];
  private wake: () => void = () => undefined;
  readonly listener = {
    onMessage: (message: RpcMessage): void => this.hear(this.messages, message),
    onNoise: (sample: string): void => this.hear(this.noise, sample),
    onOversized: (head: string, sizeBytes: number): void => this.hear(this.oversized, [head, sizeBytes]),
    onSendFailed: (message: RpcMessage, end: TransportEnd): void => this.hear(this.failures, { message, end }),
    onClose: (end: TransportEnd): void => this.hear(this.ends, end),
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  private hear<T>(list: T[], item: T): void {
    list.push(item);
    this.wake();
  }
}

export const json = (response: ServerResponse, body: unknown, status = 200, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};
export const event = (message: unknown, id = ''): string =>
  `${id && `id: ${id}\n`}event: message\ndata: ${JSON.stringify(message)}\n\n`;
export const stream = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream' });

/** A legacy server that answers JSON, with a session; every other request gets an empty result. */
export const legacy: Handler = ({ request, response, message }) => {
  if (request.method === 'GET') return void response.writeHead(405).end();
  if (request.method === 'DELETE') return void response.writeHead(204).end();
  if (message.id === undefined) return void response.writeHead(202).end();
  const result =
    message.method === 'initialize'
      ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } }
      : { tools: [{ name: 'a' }] };
  if (message.method === 'server/discover') {
    json(response, { jsonrpc: '2.0', id: null, error: { code: -32000, message: 'Bad Request: no session' } }, 400);
    return;
  }
  json(response, { jsonrpc: '2.0', id: message.id, result }, 200, { 'mcp-session-id': 'session-1' });
};

export const call = (id = 1, method = 'tools/call', params: Record<string, unknown> = { name: 'a' }): RpcMessage => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});

/** Servers and transports of one test file; each is closed after its test. */
export class RemoteWorld {
  private readonly open: (HttpServer | RemoteTransport)[] = [];

  constructor() {
    afterEach(async () => {
      for (const one of this.open.splice(0)) await one.close();
    });
  }

  /** Closes it after the test, before what was opened earlier. */
  keep<T extends HttpServer | RemoteTransport>(one: T): T {
    this.open.unshift(one);
    return one;
  }

  async serve(handler: Handler): Promise<HttpServer> {
    const server = await new HttpServer(handler).listen();
    this.open.push(server);
    return server;
  }

  async connect(
    url: string,
    options: Partial<RemoteTransportOptions> = {},
  ): Promise<{ transport: RemoteTransport; ear: Ear }> {
    const transport = this.keep(new RemoteTransport({ transport: 'streamable-http', url, ...options }));
    const ear = new Ear();
    await transport.open(ear.listener, new AbortController().signal);
    return { transport, ear };
  }

  /** Sends one call to a server of the given behaviour and returns how it failed. */
  async failureOf(handler: Handler): Promise<TransportEnd | undefined> {
    const { transport, ear } = await this.connect((await this.serve(handler)).url);
    transport.send(call());
    await ear.until(() => ear.failures.length > 0);
    return ear.failures[0]?.end;
  }
}
