// One MCP client session over Streamable HTTP (or the old HTTP+SSE), without an SDK.
import { Conn, headerOf, sseStream } from './http1.mjs';

const V = 'io.modelcontextprotocol/';
const CLIENT = { name: 'mcp-bench', version: '1.0.0' };

export class Session {
  constructor(url, { headers = {}, protocol = '2025-06-18', transport = 'http', timeout = 60000 } = {}) {
    this.url = url;
    this.headers = headers;
    this.protocol = protocol;
    this.timeout = timeout;
    this.transport = transport;
    this.modern = protocol >= '2026-07-28';
    this.conn = new Conn(url, {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...headers,
    });
    this.id = 0;
    this.extra = '';
    this.unended = 0;
    this.sse = 0;
    this.json = 0;
    this.waiting = new Map();
  }
  async open() {
    if (this.transport === 'sse') {
      let gotEndpoint;
      const ep = new Promise((r) => {
        gotEndpoint = r;
      });
      this.stream = await sseStream(this.url, this.headers, (type, data) => {
        if (type === 'endpoint') return gotEndpoint(data);
        const id = /"id": ?(\d+)/.exec(data.length > 400 ? data.slice(0, 100) + data.slice(-100) : data)?.[1];
        const w = this.waiting.get(+id);
        if (w) {
          this.waiting.delete(+id);
          w(data);
        }
      });
      const to = new URL(await ep, this.url);
      this.conn = new Conn(to.href, { 'Content-Type': 'application/json', ...this.headers });
    }
    if (this.modern) {
      await this.rpc('server/discover', {});
      return this;
    }
    const r = await this.send('initialize', { protocolVersion: this.protocol, capabilities: {}, clientInfo: CLIENT });
    const m = this.parse(r);
    if (m.error) throw new Error(`initialize: ${JSON.stringify(m.error)}`);
    this.server = m.result;
    if (r.head) {
      this.sessionId = headerOf(r, 'mcp-session-id');
      this.extra =
        (this.sessionId ? `Mcp-Session-Id: ${this.sessionId}\r\n` : '') +
        `MCP-Protocol-Version: ${m.result.protocolVersion}\r\n`;
    }
    await this.conn.request('POST', '{"jsonrpc":"2.0","method":"notifications/initialized"}', this.extra, {
      timeout: this.timeout,
    });
    return this;
  }
  async send(method, params) {
    const id = ++this.id;
    let extra = this.extra;
    if (this.modern) {
      params = {
        ...params,
        _meta: { [V + 'protocolVersion']: this.protocol, [V + 'clientInfo']: CLIENT, [V + 'clientCapabilities']: {} },
      };
      extra =
        `MCP-Protocol-Version: ${this.protocol}\r\nMcp-Method: ${method}\r\n` +
        (params.name ? `Mcp-Name: ${params.name}\r\n` : '');
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    if (this.transport === 'sse') {
      const answer = new Promise((res, rej) => {
        const t = setTimeout(() => {
          this.waiting.delete(id);
          rej(new Error('timeout'));
        }, this.timeout);
        this.waiting.set(id, (d) => {
          clearTimeout(t);
          res({ status: 200, body: d, sse: false, t: performance.now() });
        });
      });
      const p = await this.conn.request('POST', body, '', { timeout: this.timeout });
      if (p.status >= 300) throw new Error(`HTTP ${p.status} ${p.body.slice(0, 200)}`);
      return answer;
    }
    const mark = new RegExp(`"id": ?${id}[,}]`);
    const r = await this.conn.request('POST', body, extra, {
      until: (t) => mark.test(t) && t.endsWith('\n\n'),
      timeout: this.timeout,
    });
    if (r.status !== 200) throw new Error(`HTTP ${r.status} ${r.body.slice(0, 200)}`);
    if (!r.ended) this.unended++;
    if (r.sse) this.sse++;
    else this.json++;
    return r;
  }
  parse(r) {
    if (!r.sse) return JSON.parse(r.body);
    for (const ev of r.body.split(/\r?\n\r?\n/)) {
      const data = [...ev.matchAll(/^data: ?(.*)$/gm)].map((x) => x[1]).join('\n');
      if (!data) continue;
      const m = JSON.parse(data);
      if (m.id === this.id && (m.result || m.error)) return m;
    }
    throw new Error(`no answer in the event stream: ${r.body.slice(0, 200)}`);
  }
  async rpc(method, params = {}) {
    return this.parse(await this.send(method, params));
  }
  async tools() {
    const all = [];
    let cursor;
    do {
      const m = await this.rpc('tools/list', cursor ? { cursor } : {});
      if (m.error) throw new Error(JSON.stringify(m.error));
      all.push(...m.result.tools);
      cursor = m.result.nextCursor;
    } while (cursor);
    return all;
  }
  async close() {
    this.stream?.close();
    if (this.sessionId && this.transport === 'http')
      await this.conn.request('DELETE', null, this.extra, { timeout: 5000 }).catch(() => {});
    this.conn.close();
  }
}
