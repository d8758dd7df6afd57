import { CLIENT_INFO, Ending, PeerWorld } from '../../test/support/peer-world';
import type { RpcParams } from './json-rpc.types';
import {
  CallCancelledError,
  CallNotDeliveredError,
  CallTimeoutError,
  PeerClosedError,
  RpcCallError,
} from './peer.errors';
import { TransportError } from './transport.types';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('McpPeer', () => {
  let world: PeerWorld;
  beforeEach(async () => {
    world = await new PeerWorld().open();
  });
  afterEach(() => {
    world.transport.end({ code: 'test', message: 'the test is over' });
    jest.useRealTimers();
  });

  describe('calls', () => {
    it('gives ascending ids and hands each answer to its call, with the exact text', async () => {
      const first = new Ending();
      const texts: string[] = [];
      world.peer.send(world.call('tools/call', { name: 'a' }), first);
      world.peer.send(world.call('x/unknown', { any: [1] }), {
        onResult: (_result, text) => void texts.push(text),
        onError: fail,
      });
      expect(world.transport.sent).toEqual([
        { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a' } },
        { jsonrpc: '2.0', id: 2, method: 'x/unknown', params: { any: [1] } },
      ]);
      world.transport.result(2, { vendor: { kept: true } });
      world.transport.result(1, { content: [] });
      expect(first.results).toEqual([{ content: [] }]);
      expect(texts).toEqual(['{"jsonrpc":"2.0","id":2,"result":{"vendor":{"kept":true}}}']);
      expect(world.peer.inFlight).toBe(0);
    });

    it("rejects with the server's own error, unchanged", async () => {
      const asked = world.peer.request(world.call());
      world.transport.error(1, -32602, 'bad name', { field: 'name' });
      const error: unknown = await asked.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RpcCallError);
      expect(error).toMatchObject({
        code: 'tool_rpc_error',
        rpcError: { code: -32602, message: 'bad name', data: { field: 'name' } },
      });
    });

    it('makes an error out of a malformed one', async () => {
      const asked = world.peer.request(world.call());
      world.transport.deliver({ jsonrpc: '2.0', id: 1, error: 'boom' as never });
      await expect(asked).rejects.toMatchObject({ rpcError: { code: -32603, data: 'boom' } });
    });

    it('understands a server that gives ids back as text', async () => {
      const asked = world.peer.request(world.call());
      world.transport.result('1', { ok: true });
      await expect(asked).resolves.toEqual({ ok: true });
    });

    it('fails a call whose parameters cannot be written, and only that one', async () => {
      const cyclic: RpcParams = {};
      cyclic.self = cyclic;
      await expect(world.peer.request(world.call('x', cyclic))).rejects.toMatchObject({
        code: 'call_not_serializable',
      });
      expect(world.transport.sent).toEqual([]);
      expect(world.peer.closed).toBe(false);
    });

    it('F20: fails fast when the connection does not take the message, after `send` has returned', async () => {
      world.transport.sendFailure = new TransportError('stdin_stuck', 'does not read');
      const ending = new Ending();
      world.peer.send(world.call(), ending);
      expect(ending.count).toBe(0);
      await tick();
      expect(ending.errors).toEqual([expect.any(CallNotDeliveredError)]);
      expect(ending.errors[0]).toMatchObject({ code: 'tool_connection_lost', end: { code: 'stdin_stuck' } });
      expect(world.peer.inFlight).toBe(0);
    });

    it('fails the one call whose message a remote did not take', async () => {
      const failed = world.peer.request(world.call());
      const other = new Ending();
      world.peer.send(world.call(), other);
      const end = { code: 'remote_server_error', message: 'HTTP 502', status: 502 };
      world.transport.listener?.onSendFailed({ id: 1, method: 'tools/call' }, end);
      await expect(failed).rejects.toMatchObject({ code: 'tool_connection_lost', end });
      expect(other.count).toBe(0);
    });
  });

  describe('answers to nothing', () => {
    it('F19: takes the first of two answers and counts the second', () => {
      const ending = new Ending();
      world.peer.send(world.call(), ending);
      world.transport.result(1, 'first');
      world.transport.result(1, 'second');
      expect(ending).toMatchObject({ results: ['first'], errors: [] });
      expect(world.peer.counters).toMatchObject({ late: 1, unknown: 0 });
    });

    it('F19: never hands an answer with a foreign id to a call', () => {
      const ending = new Ending();
      world.peer.send(world.call(), ending);
      for (const id of [99, 0, -1, 1.5, 'x', null]) world.transport.result(id, 'alien');
      world.transport.deliver({ jsonrpc: '2.0', id: { a: 1 } as never, result: 'alien' });
      expect(ending.count).toBe(0);
      expect(world.peer.counters).toMatchObject({ unknown: 7, late: 0 });
    });

    it('records an answer to nothing without a method', () => {
      world.transport.result(99, 'alien');
      expect(world.last).toMatchObject({ direction: 'from-server', kind: 'response', method: null, rpcId: 99 });
    });
  });

  describe('timeouts', () => {
    it('F18: fails the call, tells the server, and drops the late answer but records it', () => {
      jest.useFakeTimers();
      const ending = new Ending();
      world.peer.send(world.call('tools/call', { name: 'slow' }), ending);
      world.clock += 5000;
      jest.advanceTimersByTime(4999);
      expect(ending.count).toBe(0);
      jest.advanceTimersByTime(1);
      expect(ending.errors).toEqual([expect.any(CallTimeoutError)]);
      expect(ending.errors[0]?.code).toBe('tool_timeout');
      expect(world.transport.sentOf('notifications/cancelled')).toEqual([
        {
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: { requestId: 1, reason: 'No answer within 5000 ms' },
        },
      ]);
      expect(world.records.find((record) => record.outcome === 'timeout')).toMatchObject({
        kind: 'error',
        direction: 'from-server',
        method: 'tools/call',
        target: 'slow',
        rpcId: 1,
        payload: null,
        sizeBytes: 0,
        durationMs: 5000,
      });
      world.clock += 1000;
      world.transport.result(1, { late: true });
      expect(ending.count).toBe(1);
      expect(world.peer.counters.late).toBe(1);
      expect(world.last).toMatchObject({ kind: 'response', method: 'tools/call', target: 'slow', durationMs: 6000 });
      expect(world.records.map(({ late }) => late === true)).toEqual([false, false, false, true]);
    });

    it.each(['initialize', 'server/discover'])('never sends a cancel for %s', (method) => {
      jest.useFakeTimers();
      const ending = new Ending();
      world.peer.send(world.call(method), ending);
      jest.advanceTimersByTime(5000);
      expect(ending.errors).toHaveLength(1);
      expect(world.transport.sentOf('notifications/cancelled')).toEqual([]);
    });

    it('fails the call all the same when the cancel cannot be sent', () => {
      jest.useFakeTimers();
      const ending = new Ending();
      world.peer.send(world.call(), ending);
      world.transport.sendFailure = new TransportError('stdin_stuck', 'does not read');
      jest.advanceTimersByTime(5000);
      expect(ending.errors[0]).toBeInstanceOf(CallTimeoutError);
    });

    it('leaves no timer behind after an answer, a cancel and the end', () => {
      jest.useFakeTimers();
      world.peer.send(world.call(), new Ending());
      world.transport.result(1, {});
      world.peer.send(world.call(), new Ending()).cancel();
      world.peer.send(world.call(), new Ending());
      world.transport.end({ code: 'gone', message: 'gone' });
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  describe('cancelling', () => {
    it('ends the call at once, tells the server the reason, and nothing a second time', () => {
      const ending = new Ending();
      const handle = world.peer.send(world.call('tools/call', { name: 'a' }), ending);
      handle.cancel('client left');
      handle.cancel();
      world.transport.result(1, {});
      handle.cancel();
      expect(ending.errors).toEqual([expect.any(CallCancelledError)]);
      expect(ending.results).toEqual([]);
      expect(world.transport.sentOf('notifications/cancelled')).toEqual([
        { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1, reason: 'client left' } },
      ]);
      const cancelled = world.records.find((record) => record.outcome === 'cancelled');
      expect(cancelled).toMatchObject({ kind: 'error', payload: null, target: 'a', client: 'claude', sessionId: 's1' });
    });

    it('follows the signal of a request, before and after it is sent', async () => {
      await expect(world.peer.request(world.call('x', {}, { signal: AbortSignal.abort() }))).rejects.toMatchObject({
        code: 'call_cancelled',
      });
      expect(world.transport.sent).toEqual([]);
      const controller = new AbortController();
      const asked = world.peer.request(world.call('x', {}, { signal: controller.signal }));
      controller.abort();
      await expect(asked).rejects.toBeInstanceOf(CallCancelledError);
      expect(world.transport.sentOf('notifications/cancelled')).toHaveLength(1);
    });
  });

  describe('the end of the connection', () => {
    it('F3: fails every call in flight synchronously, with the reason', () => {
      const endings = [new Ending(), new Ending()];
      for (const ending of endings) world.peer.send(world.call(), ending);
      const heard: string[] = [];
      world.peer.onClose((end) => void heard.push(end.code));
      world.peer.onClose(() => void heard.push('never'))();
      world.transport.end({ code: 'exited', message: 'exited with signal SIGKILL' });
      for (const ending of endings) {
        expect(ending.errors).toEqual([expect.any(PeerClosedError)]);
        expect(ending.errors[0]).toMatchObject({ code: 'tool_connection_lost', end: { code: 'exited' } });
        expect(ending.errors[0]?.message).toContain('files');
        expect(ending.errors[0]?.message).toContain('SIGKILL');
      }
      expect(heard).toEqual(['exited']);
      expect(world.peer).toMatchObject({ closed: true, inFlight: 0 });
      expect(world.records.filter((record) => record.outcome === 'transport_error')).toHaveLength(2);
    });

    it('fails a call that is sent afterwards', async () => {
      world.transport.end({ code: 'exited', message: 'exited' });
      await expect(world.peer.request(world.call())).rejects.toMatchObject({ end: { code: 'exited' } });
    });

    it('lets a call be made from within the failure of another', async () => {
      const retried = new Promise((resolve) => {
        world.peer.send(world.call(), {
          onResult: resolve,
          onError: () => world.peer.send(world.call(), { onResult: resolve, onError: resolve }),
        });
      });
      world.transport.end({ code: 'exited', message: 'exited' });
      await expect(retried).resolves.toBeInstanceOf(PeerClosedError);
      expect(world.peer.inFlight).toBe(0);
    });

    it('is closed by `close`, and when opening fails', async () => {
      await world.peer.close();
      expect(world.peer.closed).toBe(true);
      const broken = new PeerWorld();
      broken.transport.openFailure = new TransportError('remote_dns', 'unknown name');
      await expect(broken.open()).rejects.toMatchObject({ code: 'remote_dns' });
      expect(broken.peer.closed).toBe(true);
      const unopened = new PeerWorld();
      await unopened.peer.close();
      expect(unopened.peer.closed).toBe(true);
    });
  });

  describe('progress', () => {
    const progress = (token: unknown, value: number): void =>
      world.transport.deliver({ method: 'notifications/progress', params: { progressToken: token, progress: value } });

    it("puts in a token of our own and restores the caller's, with its type", () => {
      const params = { name: 'a', _meta: { progressToken: 'tok', vendor: 1 } };
      const heard: RpcParams[] = [];
      world.peer.send(world.call('tools/call', params), {
        onResult: fail,
        onError: fail,
        onProgress: (at) => void heard.push(at),
      });
      expect(world.transport.sent[0]?.params).toEqual({ name: 'a', _meta: { progressToken: 1, vendor: 1 } });
      expect(params._meta.progressToken).toBe('tok');
      progress(1, 0.5);
      expect(heard).toEqual([{ progressToken: 'tok', progress: 0.5 }]);
    });

    it('asks for progress when only the sink wants it', async () => {
      const heard: RpcParams[] = [];
      const asked = world.peer.request(world.call('x', undefined, { onProgress: (at) => void heard.push(at) }));
      expect(world.transport.sent[0]?.params).toEqual({ _meta: { progressToken: 1 } });
      progress(1, 0.5);
      world.transport.result(1, {});
      await asked;
      progress(1, 0.9);
      expect(heard).toEqual([{ progressToken: 1, progress: 0.5 }]);
    });

    it('never lets two callers with the same token hear each other', () => {
      const heard: string[] = [];
      for (const who of ['a', 'b']) {
        world.peer.send(world.call('x', { _meta: { progressToken: 7 } }), {
          onResult: fail,
          onError: fail,
          onProgress: (params) => void heard.push(`${who} ${String(params.progress)} ${String(params.progressToken)}`),
        });
      }
      progress(2, 0.1);
      progress(1, 0.2);
      progress(7, 0.3);
      expect(heard).toEqual(['b 0.1 7', 'a 0.2 7']);
    });
  });

  describe('the modern era', () => {
    it('puts the envelope into every request, without touching the params of the caller or what they say themselves', () => {
      world.peer.setEra({ era: 'modern', protocolVersion: '2026-07-28' });
      const params = { name: 'a', _meta: { 'io.modelcontextprotocol/clientInfo': { name: 'them' }, traceparent: 't' } };
      world.peer.send(world.call('tools/call', params), new Ending());
      world.peer.send(world.call('tools/list'), new Ending());
      expect(world.transport.versions).toEqual(['2026-07-28']);
      expect(world.transport.sent[0]?.params).toEqual({
        name: 'a',
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
          'io.modelcontextprotocol/clientInfo': { name: 'them' },
          traceparent: 't',
        },
      });
      expect(world.transport.sent[1]?.params).toEqual({
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
          'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
        },
      });
      expect(Object.keys(params._meta)).toHaveLength(2);
    });
  });
});

function fail(): never {
  throw new Error('not expected to be called');
}
