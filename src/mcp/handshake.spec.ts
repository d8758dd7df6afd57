import { FakeTransport } from '../../test/support/fake-transport';
import { performHandshake, type HandshakeOptions, type ServerIdentity } from './handshake';
import type { RpcMessage } from './json-rpc.types';
import { McpPeer } from './mcp-peer';

const MODERN_RESULT = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  instructions: 'Be kind.',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'modern', version: '2', title: 'Modern' } },
};
const LEGACY_RESULT = {
  protocolVersion: '2025-06-18',
  capabilities: { prompts: {} },
  serverInfo: { name: 'legacy', version: '1' },
};

type Answers = Record<string, (transport: FakeTransport, message: RpcMessage) => void>;

class World {
  readonly transport = new FakeTransport();
  readonly peer = new McpPeer({
    transport: this.transport,
    sink: { record: () => undefined },
    tool: { id: 't1', name: 'files', recordPayloads: true },
    clientInfo: { name: 'mcps-one', version: '1.0.0' },
  });

  constructor(answers: Answers = {}) {
    this.transport.onSend = (message) => answers[message.method ?? '']?.(this.transport, message);
  }

  async shake(options: Partial<HandshakeOptions> = {}): Promise<ServerIdentity> {
    await this.peer.open(new AbortController().signal);
    return performHandshake(this.peer, {
      timeoutMs: 20_000,
      signal: new AbortController().signal,
      probe: 'auto',
      ...options,
    });
  }

  get methods(): (string | undefined)[] {
    return this.transport.sent.map((message) => message.method);
  }
}

const modern: Answers = { 'server/discover': (transport, { id }) => transport.result(id, MODERN_RESULT) };
const legacyInitialize: Answers = { initialize: (transport, { id }) => transport.result(id, LEGACY_RESULT) };
const unknownDiscover: Answers = {
  'server/discover': (transport, { id }) => transport.error(id, -32601, 'Method not found'),
};

describe('performHandshake', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('keeps the whole answer and all revisions that it names, for clients', async () => {
    const supportedVersions = ['2026-07-28', '2025-11-25', 7];
    const result = { ...MODERN_RESULT, supportedVersions, vendor: { kept: true } };
    const world = new World({ 'server/discover': (transport, { id }) => transport.result(id, result) });
    await expect(world.shake()).resolves.toMatchObject({ supportedVersions: ['2026-07-28', '2025-11-25'], result });
  });

  it('begins with the own parameters of a client, whose next word is its own as well', async () => {
    const world = new World(legacyInitialize);
    const initialize = {
      protocolVersion: '2025-03-26',
      capabilities: { roots: {} },
      clientInfo: { name: 'c' },
      vendor: 1,
    };
    await world.shake({ probe: 'legacy', initialize });
    expect(world.transport.sent).toMatchObject([{ method: 'initialize', params: initialize }]);
  });

  it('F7: settles with a modern server by one question', async () => {
    const world = new World(modern);
    await expect(world.shake()).resolves.toMatchObject({
      era: 'modern',
      protocolVersion: '2026-07-28',
      serverInfo: { name: 'modern', version: '2', title: 'Modern' },
      capabilities: { tools: {} },
      instructions: 'Be kind.',
    });
    expect(world.transport.sent).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        method: 'server/discover',
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
            'io.modelcontextprotocol/clientInfo': { name: 'mcps-one', version: '1.0.0' },
          },
        },
      },
    ]);
    expect(world.transport.versions).toEqual(['2026-07-28']);
  });

  it('F7: falls back to initialize when the probe is answered with any other error', async () => {
    const world = new World({ ...unknownDiscover, ...legacyInitialize });
    await expect(world.shake()).resolves.toMatchObject({
      era: 'legacy',
      protocolVersion: '2025-06-18',
      serverInfo: { name: 'legacy', version: '1' },
      capabilities: { prompts: {} },
      instructions: null,
    });
    expect(world.methods).toEqual(['server/discover', 'initialize', 'notifications/initialized']);
    expect(world.transport.sent[1]?.params).toEqual({
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'mcps-one', version: '1.0.0' },
    });
    expect(world.transport.versions).toEqual(['2025-06-18']);
  });

  it('falls back when the probe is answered with an empty result, as some servers answer anything', async () => {
    const world = new World({
      'server/discover': (transport, { id }) => transport.result(id, {}),
      ...legacyInitialize,
    });
    await expect(world.shake()).resolves.toMatchObject({ era: 'legacy' });
  });

  it('F7: falls back to initialize after the silence of a mute server', async () => {
    jest.useFakeTimers();
    const world = new World(legacyInitialize);
    const shaken = world.shake();
    await jest.advanceTimersByTimeAsync(2999);
    expect(world.methods).toEqual(['server/discover']);
    await jest.advanceTimersByTimeAsync(1);
    await expect(shaken).resolves.toMatchObject({ era: 'legacy' });
    expect(world.methods).toEqual(['server/discover', 'initialize', 'notifications/initialized']);
    expect(world.peer.inFlight).toBe(0);
    // The one for late calls stays with the connection.
    world.transport.end({ code: 'gone', message: 'gone' });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts the silence again from the first byte', async () => {
    jest.useFakeTimers();
    const world = new World(legacyInitialize);
    let announce: () => void = () => undefined;
    const firstByte = new Promise<void>((resolve) => (announce = resolve));
    const shaken = world.shake({ firstByte });
    await jest.advanceTimersByTimeAsync(2000);
    announce();
    await jest.advanceTimersByTimeAsync(2999);
    expect(world.methods).toEqual(['server/discover']);
    await jest.advanceTimersByTimeAsync(1);
    await shaken;
    expect(world.methods).toContain('initialize');
  });

  it('lets a late modern answer win over an initialize that is on its way', async () => {
    jest.useFakeTimers();
    const world = new World();
    const shaken = world.shake();
    await jest.advanceTimersByTimeAsync(3000);
    expect(world.methods).toEqual(['server/discover', 'initialize']);
    world.transport.result(1, MODERN_RESULT);
    world.transport.error(2, -32601, 'no such thing');
    await expect(shaken).resolves.toMatchObject({ era: 'modern' });
    expect(world.methods).not.toContain('notifications/initialized');
  });

  it('goes on with initialize when the probe is refused late', async () => {
    jest.useFakeTimers();
    const world = new World();
    const shaken = world.shake();
    await jest.advanceTimersByTimeAsync(3000);
    world.transport.error(1, -32601, 'no such thing');
    await jest.advanceTimersByTimeAsync(1000);
    world.transport.result(2, LEGACY_RESULT);
    await expect(shaken).resolves.toMatchObject({ era: 'legacy' });
    expect(world.methods).toEqual(['server/discover', 'initialize', 'notifications/initialized']);
  });

  it.each([
    [-32020, 'header mismatch', undefined],
    [-32021, 'capability missing', { requiredCapabilities: { sampling: {} } }],
    [-32022, 'unsupported', { supported: ['2027-01-01'], requested: '2026-07-28' }],
    [-32022, 'unsupported', undefined],
  ])('F7: does not fall back on the modern error %i (%s)', async (code, message, data) => {
    const world = new World({
      'server/discover': (transport, { id }) => transport.error(id, code, message, data),
      ...legacyInitialize,
    });
    await expect(world.shake()).rejects.toMatchObject({ name: 'HandshakeError', code: 'protocol_mismatch' });
    expect(world.methods).toEqual(['server/discover']);
  });

  it('asks once more when the server refuses a revision and offers the same', async () => {
    const refuse: Answers[string] = (transport, { id }) =>
      transport.error(id, -32022, 'no', { supported: ['2026-07-28'], requested: '2026-07-28' });
    let isFirst = true;
    const moody = new World({
      'server/discover': (transport, message) => {
        if (isFirst) refuse(transport, message);
        else transport.result(message.id, MODERN_RESULT);
        isFirst = false;
      },
    });
    await expect(moody.shake()).resolves.toMatchObject({ era: 'modern' });
    expect(moody.methods).toEqual(['server/discover', 'server/discover']);

    const stubborn = new World({ 'server/discover': refuse, ...legacyInitialize });
    await expect(stubborn.shake()).rejects.toMatchObject({ code: 'protocol_mismatch' });
    expect(stubborn.methods).toEqual(['server/discover', 'server/discover']);
  });

  it('takes up the legacy revision that a modern error offers', async () => {
    const world = new World({
      'server/discover': (transport, { id }) => transport.error(id, -32022, 'no', { supported: ['2025-11-25'] }),
      ...legacyInitialize,
    });
    await expect(world.shake()).resolves.toMatchObject({ era: 'legacy' });
  });

  it('F6: names both sides when a modern server speaks only what we do not', async () => {
    const world = new World({
      'server/discover': (transport, { id }) =>
        transport.result(id, { ...MODERN_RESULT, supportedVersions: ['2030-01-01'] }),
    });
    await expect(world.shake()).rejects.toMatchObject({
      code: 'protocol_mismatch',
      message:
        'The server speaks 2030-01-01; MCPS.ONE speaks 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05',
    });
  });

  it('F6: names both sides when initialize is answered with an unknown revision', async () => {
    const world = new World({
      initialize: (transport, { id }) => transport.result(id, { ...LEGACY_RESULT, protocolVersion: '1999-01-01' }),
    });
    await expect(world.shake({ probe: 'legacy' })).rejects.toMatchObject({
      code: 'protocol_mismatch',
      message: expect.stringMatching(/speaks 1999-01-01; MCPS.ONE speaks .*2025-11-25/) as unknown,
    });
    expect(world.methods).toEqual(['initialize']);
  });

  it.each([[null], ['text'], [{}], [{ protocolVersion: 7 }]])(
    'F6: calls the initialize result %j no MCP',
    async (result) => {
      const world = new World({ initialize: (transport, { id }) => transport.result(id, result) });
      await expect(world.shake({ probe: 'legacy' })).rejects.toMatchObject({ code: 'not_mcp' });
    },
  );

  it.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
    'accepts the legacy revision %s',
    async (version) => {
      const world = new World({
        initialize: (transport, { id }) => transport.result(id, { protocolVersion: version }),
      });
      await expect(world.shake({ probe: 'legacy' })).resolves.toMatchObject({
        era: 'legacy',
        protocolVersion: version,
        serverInfo: null,
        capabilities: {},
        instructions: null,
      });
    },
  );

  it('F6: tells what the server said when it refuses initialize', async () => {
    const world = new World({ initialize: (transport, { id }) => transport.error(id, -32000, 'licence expired') });
    await expect(world.shake({ probe: 'legacy' })).rejects.toMatchObject({
      code: 'handshake_refused',
      message: 'The server refused initialize with error -32000: licence expired',
    });
  });

  it('tries nothing but the modern way when told so', async () => {
    const legacy = new World({ ...unknownDiscover, ...legacyInitialize });
    await expect(legacy.shake({ probe: 'modern' })).rejects.toMatchObject({ code: 'protocol_mismatch' });
    expect(legacy.methods).toEqual(['server/discover']);
    const lax = new World({ 'server/discover': (transport, { id }) => transport.result(id, {}) });
    await expect(lax.shake({ probe: 'modern' })).rejects.toMatchObject({ code: 'not_mcp' });
  });

  it('tells a server that ends the connection at the probe from one that ends it later', async () => {
    const gone = { code: 'exited', message: 'exited with code 1' };
    const atProbe = new World({ 'server/discover': (transport) => transport.end(gone) });
    await expect(atProbe.shake()).rejects.toMatchObject({ code: 'closed_during_probe', extra: { reason: 'exited' } });
    const atInitialize = new World({ initialize: (transport) => transport.end(gone) });
    await expect(atInitialize.shake({ probe: 'legacy' })).rejects.toMatchObject({ code: 'closed_during_handshake' });
  });

  it('blames the probe when the connection ends while it is still unanswered', async () => {
    jest.useFakeTimers();
    const world = new World({ initialize: (transport) => transport.end({ code: 'exited', message: 'exited' }) });
    const shaken = world.shake();
    const outcome = expect(shaken).rejects.toMatchObject({ code: 'closed_during_probe' });
    await jest.advanceTimersByTimeAsync(3000);
    await outcome;
  });

  it('F5: gives up on a server that hangs, and leaves nothing behind', async () => {
    jest.useFakeTimers();
    const world = new World();
    const outcome = expect(world.shake()).rejects.toMatchObject({
      code: 'handshake_timeout',
      kind: 'upstream-timeout',
      message: 'No agreement on a protocol revision within 20000 ms',
    });
    await jest.advanceTimersByTimeAsync(20_000);
    await outcome;
    expect(world.methods).toEqual(['server/discover', 'initialize']);
    expect(world.peer.inFlight).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves half of a short budget for initialize', async () => {
    jest.useFakeTimers();
    const world = new World(legacyInitialize);
    const shaken = world.shake({ timeoutMs: 1000 });
    await jest.advanceTimersByTimeAsync(500);
    await expect(shaken).resolves.toMatchObject({ era: 'legacy' });
  });

  it('ends at once when it is aborted, before or during', async () => {
    const world = new World();
    const controller = new AbortController();
    const shaken = world.shake({ signal: controller.signal });
    const outcome = expect(shaken).rejects.toMatchObject({ code: 'handshake_aborted' });
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await outcome;
    await expect(new World(modern).shake({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'handshake_aborted',
    });
  });

  describe('over HTTP', () => {
    const failing = (code: string, status?: number): Answers => ({
      'server/discover': (transport, message) =>
        transport.listener?.onSendFailed(message, { code, message: `HTTP ${status ?? '-'}`, status }),
      ...legacyInitialize,
    });

    it.each([400, 404, 405])('takes HTTP %i at the probe for a legacy server', async (status) => {
      await expect(new World(failing('remote_http_error', status)).shake()).resolves.toMatchObject({ era: 'legacy' });
    });

    it.each([
      ['remote_unauthorized', 401],
      ['remote_forbidden', 403],
      ['remote_server_error', 503],
      ['remote_refused', undefined],
    ])('F41: takes %s for no evidence of any era', async (code, status) => {
      const world = new World(failing(code, status));
      await expect(world.shake()).rejects.toMatchObject({ name: 'TransportError', code, status });
      expect(world.methods).toEqual(['server/discover']);
    });

    it('tells why initialize could not be delivered', async () => {
      const world = new World({
        initialize: (transport, message) =>
          transport.listener?.onSendFailed(message, { code: 'remote_not_found', message: 'HTTP 404', status: 404 }),
      });
      await expect(world.shake({ probe: 'legacy' })).rejects.toMatchObject({ code: 'remote_not_found', status: 404 });
    });
  });
});
