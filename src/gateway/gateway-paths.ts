/** What a URL of the gateway means. */
export interface GatewayPath {
  /** `http`: Streamable HTTP; `sse` and `messages`: the two halves of the old HTTP+SSE; `metadata`: RFC 9728. */
  kind: 'http' | 'sse' | 'messages' | 'metadata';
  /** A tool by name or id; null: all of them. */
  tool: string | null;
}

const ROOT = '/mcp';
const METADATA = '/.well-known/oauth-protected-resource';
const PATH = /^\/mcp(?:\/([^/]{1,100}))?(?:\/(sse|messages))?\/?$/;
/** Paths whose meaning is remembered. */
const MAX_KNOWN = 2_000;

/** Reads URLs, each of them once. */
export class GatewayPaths {
  private readonly known = new Map<string, GatewayPath | null>();

  /** Null: this URL is not the gateway's. */
  read(url: string): GatewayPath | null {
    if (!url.startsWith(ROOT) && !url.startsWith(METADATA)) return null;
    const known = this.known.get(url);
    if (known !== undefined) return known;
    const path = parse(url);
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(url, path);
    return path;
  }
}

function parse(url: string): GatewayPath | null {
  const [path = ''] = url.split('?');
  const isMetadata = path.startsWith(METADATA);
  const match = PATH.exec(isMetadata ? path.slice(METADATA.length) : path);
  if (match === null) return path.startsWith(`${ROOT}/`) ? { kind: 'http', tool: '' } : null;
  const [, tool, kind] = match;
  if (isMetadata) return { kind: 'metadata', tool: tool ?? null };
  // `/mcp/sse` is the old transport for all tools: no tool may have that name.
  if (kind === undefined && (tool === 'sse' || tool === 'messages')) return { kind: tool, tool: null };
  return { kind: kind === 'sse' || kind === 'messages' ? kind : 'http', tool: tool ?? null };
}
