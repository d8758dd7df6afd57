import { request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import { FAILURES } from '../supervisor/failure-catalogue';
import { type FaultyRemote, startFaultyRemote } from '../../test/support/faulty-remote';
import { performHandshake } from './handshake';
import { McpPeer } from './mcp-peer';
import { endOfFailure } from './remote-errors';
import { RemoteTransport } from './remote-transport';
import type { TransportEnd } from './transport.types';

/** For what must not take long, and would not fail for its time. */
const PATIENT_MS = 30_000;
/** For what never ends, at first; for a machine on which not even the beginning came in that time, four times as long. */
const SHORT_MS = 400;

/** How something failed. */
interface Told {
  code: string;
  message: string;
}

describe('a faulty remote server', () => {
  const servers: FaultyRemote[] = [];
  const peers: McpPeer[] = [];
  /** Serves every fault of HTTP, by its URL. */
  let faulty: FaultyRemote;
  beforeAll(async () => {
    faulty = await startFaultyRemote('none');
  });
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });
  afterAll(() => faulty.stop());

  /** The URL of a fault, of HTTP or below. */
  async function urlOf(fault: string): Promise<string> {
    return /^(?:tls|garbage|half-open)/.test(fault) ? (await start(fault)).url : faulty.urlOf(fault);
  }

  async function start(fault: string, ...flags: string[]): Promise<FaultyRemote> {
    const server = await startFaultyRemote(fault, ...flags);
    servers.push(server);
    return server;
  }

  /** A peer over the real transport that has shaken hands, or the reason why not. */
  async function shake(
    url: string,
    options: { timeoutMs?: number; transport?: 'streamable-http' | 'sse' } = {},
  ): Promise<{ peer: McpPeer; transport: RemoteTransport; failure: Told | null }> {
    const { timeoutMs = PATIENT_MS } = options;
    const transport = new RemoteTransport({ transport: options.transport ?? 'streamable-http', url });
    const peer = new McpPeer({
      transport,
      sink: { record: () => undefined },
      tool: { id: 't', name: 'remote', recordPayloads: true },
      clientInfo: { name: 'mcps-one', version: '1' },
    });
    peers.push(peer);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      await peer.open(signal);
      await performHandshake(peer, { timeoutMs, signal: new AbortController().signal, probe: 'legacy' });
      return { peer, transport, failure: null };
    } catch (error) {
      return { peer, transport, failure: error as Told };
    }
  }

  async function inShortTime(work: (timeoutMs: number) => Promise<void>): Promise<void> {
    for (let timeoutMs = SHORT_MS; timeoutMs < PATIENT_MS / 4; timeoutMs *= 4) {
      try {
        await work(timeoutMs);
        return;
      } catch {
        // Once more, with more time.
      }
    }
    await work(PATIENT_MS);
  }

  it.each([
    ['401', 'remote_unauthorized'],
    ['403', 'remote_forbidden'],
    ['404', 'remote_not_found'],
    ['408', 'remote_timeout'],
    ['418', 'remote_http_error'],
    ['429', 'remote_rate_limited'],
    ['500', 'remote_server_error'],
    ['502', 'remote_gateway_error'],
    ['503', 'remote_server_error'],
    ['504', 'remote_gateway_error'],
    ['redirect-loop', 'remote_redirect'],
    ['redirect-away', 'remote_redirect'],
    ['redirect-301', 'remote_redirect'],
    ['html', 'remote_not_mcp'],
    ['bad-json', 'remote_not_mcp'],
    ['garbage', 'remote_not_mcp'],
    ['truncated-json', 'remote_connection_lost'],
    ['ended-sse', 'remote_connection_lost'],
    ['truncated-sse', 'remote_connection_lost'],
    ['hang-up', 'remote_connection_lost'],
    ['reset', 'remote_connection_lost'],
    ['tls-self-signed', 'remote_tls_untrusted'],
    ['tls-expired', 'remote_tls_expired'],
    ['tls-not-yet-valid', 'remote_tls_expired'],
  ])('F41: with the fault %s is %s, at once and with a hint', async (fault, code) => {
    const url = await urlOf(fault);
    const { failure } = await shake(url);
    expect({ code: failure?.code, message: failure?.message }).toEqual({ code, message: expect.any(String) });
    expect(FAILURES).toHaveProperty(code);
  });

  it('F41: that limits its callers says for how long', async () => {
    const { url } = await start('429', '--retry-after', '90');
    expect((await shake(url)).failure?.message).toContain('in 90 s');
  });

  it('F41: that is not there is remote_refused, and one without a name remote_dns', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    expect((await shake(`http://127.0.0.1:${port}/mcp`)).failure?.code).toBe('remote_refused');
    expect((await shake('http://no-such-host.invalid/mcp')).failure?.code).toBe('remote_dns');
  });

  it('F41: that speaks no TLS where https was asked for is remote_tls', async () => {
    expect((await shake(faulty.url.replace('http:', 'https:'))).failure?.code).toBe('remote_tls');
  });

  it('F41: with the certificate of another host is remote_tls_wrong_host, where that is trusted at all', async () => {
    const { port, certificate } = await start('tls-wrong-host', '--host', 'elsewhere.example');
    // What `fetch` would reject with if the certificate were in NODE_EXTRA_CA_CERTS, which is read at start alone.
    const error = await new Promise<Error>((resolve) => {
      const request = httpsRequest({ host: '127.0.0.1', port, ca: certificate ?? undefined });
      request.once('error', resolve).end();
    });
    const failed = new TypeError('fetch failed', { cause: error });
    expect(endOfFailure(failed).code).toBe('remote_tls_wrong_host');
  });

  it.each([
    ['half-open', 'remote_timeout'],
    ['mute', 'remote_timeout'],
    ['hang-after-headers', 'remote_stalled'],
    ['hang-after-sse-headers', 'remote_stalled'],
    ['trickle', 'remote_stalled'],
    ['trickle-sse', 'remote_stalled'],
  ])('F42: with the fault %s is given up in time, and the connection knows that it is %s', async (fault, code) => {
    const url = await urlOf(fault);
    await inShortTime(async (timeoutMs) => {
      const { failure, transport } = await shake(url, { timeoutMs });
      expect(failure?.code).toBe('handshake_timeout');
      expect(transport.silence?.code).toBe(code);
    });
  });

  it.each([
    ['hang-after-error-headers', 'remote_forbidden'],
    ['trickle-error', 'remote_server_error'],
  ])('F42: with the fault %s is told by its status, without waiting for the rest', async (fault, code) => {
    const url = await urlOf(fault);
    // Waiting for the rest would end with the time for the handshake, and be told as that.
    expect((await shake(url)).failure?.code).toBe(code);
  });

  it('F42: that opens the stream of the old transport and never says where to send is remote_stalled', async () => {
    await inShortTime(async (timeoutMs) => {
      const { transport, failure } = await shake(faulty.urlOf('hang-after-sse-headers'), {
        transport: 'sse',
        timeoutMs,
      });
      expect(failure?.code).toBe('open_aborted');
      expect(transport.silence?.code).toBe('remote_stalled');
    });
  });

  const called = async (peer: McpPeer, timeoutMs = PATIENT_MS): Promise<{ code: string; end?: TransportEnd }> =>
    peer
      .request({
        method: 'tools/call',
        params: { name: 'pay' },
        timeoutMs,
        client: 'mcps',
        sessionId: null,
      })
      .then(() => ({ code: 'ok' }))
      .catch((error: unknown) => error as { code: string; end?: TransportEnd });

  it.each([
    ['500', 'remote_server_error'],
    ['502', 'remote_gateway_error'],
    ['503', 'remote_server_error'],
    ['429', 'remote_rate_limited'],
    ['hang-up', 'remote_connection_lost'],
    ['reset', 'remote_connection_lost'],
    ['truncated-json', 'remote_connection_lost'],
    ['truncated-sse', 'remote_connection_lost'],
    ['ended-sse', 'remote_connection_lost'],
    ['html', 'remote_not_mcp'],
  ])('F41: that fails with %s at a call is asked only once: the call may have had its effect', async (fault, code) => {
    const { peer, failure } = await shake(faulty.urlOf(fault, 'tools/call'));
    expect(failure).toBeNull();
    expect(await called(peer)).toMatchObject({ code: 'tool_connection_lost', end: { code } });
    expect((await faulty.counts(fault))['tools/call']).toBe(1);
  });

  it.each(['mute', 'hang-after-headers', 'hang-after-sse-headers', 'trickle', 'trickle-sse'])(
    'F42: that does not end its answer (%s) costs the time limit of the call, and is asked only once',
    async (fault) => {
      const before = (await faulty.counts(fault))['tools/call'] ?? 0;
      const { peer } = await shake(faulty.urlOf(fault, 'tools/call'));
      expect(await called(peer, SHORT_MS)).toMatchObject({ code: 'tool_timeout' });
      expect((await faulty.counts(fault))['tools/call']).toBe(before + 1);
    },
  );

  it('F41: that has forgotten our session ends the connection as remote_session_lost', async () => {
    const { peer } = await shake(faulty.urlOf('404', 'tools/call'));
    const ends: string[] = [];
    peer.onClose((end) => ends.push(end.code));
    expect(await called(peer)).toMatchObject({ end: { code: 'remote_session_lost' } });
    expect(ends).toEqual(['remote_session_lost']);
    expect((await faulty.counts('404'))['tools/call']).toBe(1);
  });
});
