import { isRecord, META_PROTOCOL_VERSION } from './call-params';
import { RPC_CODES, type RpcMessage } from './json-rpc.types';
import { headerValue } from './parameter-headers';

/** One message on its way to a remote, from `send` to the end of its answer. */
export class RemoteDelivery {
  readonly controller = new AbortController();
  /** The modern revision it is sent under, told by its envelope or by the agreement; null for the legacy ones. */
  readonly modernVersion: string | null;
  /** The answer has begun. */
  responded = false;
  /** The server gave its stream event ids: the SDK will take it up again when it breaks. */
  resumable = false;
  /** Its end has been reported; what comes after is an echo. */
  settled = false;
  /** A JSON-RPC error that came as the body of an HTTP error (modern revisions do that). */
  errorAnswer: RpcMessage | null = null;

  constructor(
    readonly message: RpcMessage,
    agreedModernVersion: string | null,
    /** The arguments that the tool wants repeated in headers. */
    private readonly parameterHeaders: Readonly<Record<string, string>> = {},
  ) {
    const meta = isRecord(message.params?._meta) ? message.params._meta : {};
    const version = meta[META_PROTOCOL_VERSION];
    this.modernVersion = typeof version === 'string' ? version : agreedModernVersion;
  }

  get isRequest(): boolean {
    return this.message.method !== undefined && this.message.id !== undefined && this.message.id !== null;
  }

  /** The headers that mirror the message (2026-07-28, transports/streamable-http). */
  modernHeaders(): Record<string, string> {
    const { method, params } = this.message;
    if (this.modernVersion === null || method === undefined) return {};
    const headers: Record<string, string> = {
      ...this.parameterHeaders,
      'mcp-protocol-version': this.modernVersion,
      'mcp-method': method,
    };
    const name = method === 'resources/read' ? params?.uri : params?.name;
    if (NAMED_METHODS.has(method) && typeof name === 'string') headers['mcp-name'] = headerValue(name);
    return headers;
  }

  /** Keeps the JSON-RPC error in the body of an HTTP error if it answers this very message. */
  takeErrorBody(bodyHead: string): void {
    if (!this.isRequest) return;
    let body: unknown;
    try {
      body = JSON.parse(bodyHead);
    } catch {
      return;
    }
    if (!isRecord(body) || !isRecord(body.error) || typeof body.error.code !== 'number') return;
    const { code } = body.error;
    // A server that refuses a header has not read the id; of the other errors without an id we cannot know whose they are.
    const isOurs = body.id === this.message.id || ((body.id ?? null) === null && HEADER_ERRORS.has(code));
    if (isOurs) this.errorAnswer = { ...body, id: this.message.id };
  }
}

const NAMED_METHODS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
const HEADER_ERRORS: ReadonlySet<number> = new Set([
  RPC_CODES.headerMismatch,
  RPC_CODES.missingRequiredClientCapability,
  RPC_CODES.unsupportedProtocolVersion,
]);
