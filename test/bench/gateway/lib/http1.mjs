// A small HTTP/1.1 keep-alive client over net/tls: one request in flight per connection. It is kept
// minimal so that the load generator is cheaper than what it measures. Understands Content-Length,
// chunked and read-to-close bodies; an SSE body can be finished early by the caller (until()).
import net from 'node:net';
import tls from 'node:tls';

export class Conn {
  constructor(url, headers = {}) {
    this.url = new URL(url);
    this.base =
      `Host: ${this.url.host}\r\nConnection: keep-alive\r\n` +
      Object.entries(headers)
        .map(([k, v]) => `${k}: ${v}\r\n`)
        .join('');
    this.path = this.url.pathname + this.url.search;
    this.sock = null;
    this.cur = null;
    this.reconnects = -1;
  }
  #connect() {
    return new Promise((res, rej) => {
      this.reconnects++;
      const o = {
        host: this.url.hostname.replace(/^\[|\]$/g, ''),
        port: this.url.port || (this.url.protocol === 'https:' ? 443 : 80),
      };
      const s = this.url.protocol === 'https:' ? tls.connect({ ...o, rejectUnauthorized: false }) : net.connect(o);
      s.setNoDelay(true);
      s.once(this.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        this.sock = s;
        res();
      });
      s.on('error', (e) => {
        this.#fail(s, e);
        rej(e);
      });
      s.on('close', () => this.#closed(s));
      s.on('data', (d) => this.#data(d));
    });
  }
  close() {
    this.sock?.destroy();
    this.sock = null;
  }
  #fail(s, e) {
    if (this.sock === s) this.sock = null;
    const c = this.cur;
    if (c) {
      this.cur = null;
      c.rej(e);
    }
  }
  #closed(s) {
    if (this.sock && this.sock !== s) return;
    this.sock = null;
    const c = this.cur;
    if (!c) return;
    this.cur = null;
    if (c.head && c.mode === 'close') c.res(this.#finish(c));
    else c.rej(new Error('connection closed'));
  }
  // Resolves {status, headers(raw lower-cased text), type, body, tFirst, ended}
  async request(method, body, extra = '', { until = null, timeout = 60000, path = this.path } = {}) {
    if (!this.sock) await this.#connect();
    return new Promise((res, rej) => {
      const c = {
        res,
        rej,
        until,
        head: null,
        raw: '',
        body: '',
        mode: '',
        need: 0,
        chunkLeft: -1,
        pend: null,
        t: null,
        timer: null,
      };
      if (timeout)
        c.timer = setTimeout(() => {
          if (this.cur === c) {
            this.cur = null;
            this.close();
            rej(new Error('timeout'));
          }
        }, timeout);
      const done = (f) => (v) => {
        clearTimeout(c.timer);
        f(v);
      };
      c.res = done(res);
      c.rej = done(rej);
      this.cur = c;
      const len = body == null ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
      this.sock.write(`${method} ${path} HTTP/1.1\r\n${this.base}${extra}${len}\r\n${body ?? ''}`);
    });
  }
  #data(d) {
    const c = this.cur;
    if (!c) return;
    if (!c.head) {
      if (c.pend) d = Buffer.concat([c.pend, d]);
      const i = d.indexOf('\r\n\r\n');
      if (i < 0) {
        c.pend = d;
        return;
      }
      c.pend = null;
      c.head = d.latin1Slice(0, i);
      c.low = c.head.toLowerCase();
      c.status = +c.head.slice(9, 12);
      d = d.subarray(i + 4);
      if (c.status === 100) {
        c.head = null;
        return d.length ? this.#data(d) : undefined;
      }
      const cl = /\r\ncontent-length: *(\d+)/.exec(c.low);
      c.sse = c.low.includes('\r\ncontent-type: text/event-stream');
      if (c.status === 204 || c.status === 304) {
        c.mode = 'len';
        c.need = 0;
      } else if (c.low.includes('\r\ntransfer-encoding: chunked')) c.mode = 'chunked';
      else if (cl) {
        c.mode = 'len';
        c.need = +cl[1];
      } else c.mode = 'close';
      c.parts = [];
      c.got = 0;
    }
    if (c.mode === 'chunked') {
      if (c.pend) {
        d = Buffer.concat([c.pend, d]);
        c.pend = null;
      }
      let p = 0;
      for (;;) {
        if (c.chunkLeft > 0) {
          const n = Math.min(c.chunkLeft, d.length - p);
          if (n > 0) {
            c.parts.push(d.subarray(p, p + n));
            c.got += n;
            c.chunkLeft -= n;
            p += n;
          }
          if (c.chunkLeft > 0) break;
          c.chunkLeft = -2; // CRLF after the chunk
        }
        if (c.chunkLeft === -2) {
          if (d.length - p < 2) break;
          p += 2;
          c.chunkLeft = -1;
        }
        const e = d.indexOf('\r\n', p);
        if (e < 0) break;
        const n = parseInt(d.latin1Slice(p, e), 16);
        if (n === 0) {
          if (d.length < e + 4) break;
          return this.#end(c);
        }
        p = e + 2;
        c.chunkLeft = n;
      }
      if (p < d.length) c.pend = d.subarray(p);
    } else {
      c.parts.push(d);
      c.got += d.length;
      if (c.mode === 'len' && c.got >= c.need) return this.#end(c);
    }
    if (c.until && c.sse) {
      // is the awaited event here already?
      const text = c.parts.length === 1 ? c.parts[0].toString() : Buffer.concat(c.parts).toString();
      if (c.t === null && c.until(text)) {
        c.t = performance.now();
        c.grace = setTimeout(() => {
          if (this.cur === c) {
            this.cur = null;
            const r = this.#finish(c);
            r.ended = false;
            this.close();
            c.res(r);
          }
        }, 250);
      }
    }
  }
  #end(c) {
    clearTimeout(c.grace);
    this.cur = null;
    const close = c.low.includes('\r\nconnection: close');
    const r = this.#finish(c);
    if (close) this.close();
    c.res(r);
  }
  #finish(c) {
    clearTimeout(c.grace);
    const body = !c.parts?.length
      ? ''
      : c.parts.length === 1
        ? c.parts[0].toString()
        : Buffer.concat(c.parts).toString();
    return { status: c.status, head: c.head, sse: c.sse, body, t: c.t ?? performance.now(), ended: true };
  }
}
export const headerOf = (r, name) => new RegExp(`\\r\\n${name}: *([^\\r\\n]*)`, 'i').exec(r.head)?.[1];

// A stream of server-sent events (used for the old HTTP+SSE transport, and GET streams)
export function sseStream(url, headers, onEvent) {
  const u = new URL(url);
  return new Promise((res, rej) => {
    const s = net.connect({ host: u.hostname, port: u.port || 80 });
    let buf = '',
      head = null;
    s.on('error', rej);
    s.on('connect', () =>
      s.write(
        `GET ${u.pathname}${u.search} HTTP/1.1\r\nHost: ${u.host}\r\nAccept: text/event-stream\r\n` +
          Object.entries(headers)
            .map(([k, v]) => `${k}: ${v}\r\n`)
            .join('') +
          '\r\n',
      ),
    );
    s.setEncoding('utf8');
    s.on('data', (d) => {
      buf += d;
      if (head === null) {
        const i = buf.indexOf('\r\n\r\n');
        if (i < 0) return;
        head = buf.slice(0, i);
        buf = buf.slice(i + 4);
        if (!/^HTTP\/1\.1 200/.test(head)) {
          s.destroy();
          return rej(new Error(head.split('\r\n')[0]));
        }
        res({ close: () => s.destroy() });
      }
      buf = buf.replace(/(^|\r\n)[0-9a-f]+\r\n(?=(event|data|id|retry|:))/gi, '$1'); // chunk sizes before an event
      for (;;) {
        const m = /\n\r?\n/.exec(buf);
        if (!m) break;
        const ev = buf.slice(0, m.index);
        buf = buf.slice(m.index + m[0].length).replace(/^\r\n/, '');
        const type = /^event: ?(.*)$/m.exec(ev)?.[1]?.trim() ?? 'message';
        const data = [...ev.matchAll(/^data: ?(.*)$/gm)].map((x) => x[1].replace(/\r$/, '')).join('\n');
        if (data) onEvent(type, data);
      }
    });
  });
}
