import { join } from 'node:path';
import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import {
  aLegacyClient,
  aModernClient,
  aSession,
  eventsIn,
  modernRequest,
  raw,
  type Reach,
} from './support/mcp-clients';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

const ASKING = join(__dirname, 'conformance', 'fixture', 'stdio.mjs');
const SLEEP = (ms: number, token?: string) => ({
  name: 'sleep',
  arguments: { ms },
  ...(token === undefined ? {} : { _meta: { progressToken: token } }),
});

/** A stream of events as it comes in. */
class Stream {
  text = '';
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(
    readonly response: Response,
    private readonly controller: AbortController,
  ) {
    this.reader = response.body!.getReader();
  }

  static async open(reach: Reach, headers: Record<string, string>, body?: unknown): Promise<Stream> {
    const controller = new AbortController();
    const response = await fetch(`${reach.origin}/mcp/${reach.tool}`, {
      method: body === undefined ? 'GET' : 'POST',
      signal: controller.signal,
      headers: {
        authorization: `Bearer ${reach.key}`,
        accept: 'application/json, text/event-stream',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return new Stream(response, controller);
  }

  get events(): any[] {
    return eventsIn(this.text);
  }

  get ids(): string[] {
    return [...this.text.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id);
  }

  /** Reads on until that is so; false: the stream ended before. */
  async until(condition: () => boolean): Promise<boolean> {
    while (!condition()) {
      const { done, value } = await this.reader.read();
      if (done) return condition();
      this.text += Buffer.from(value).toString('utf8');
    }
    return true;
  }

  hangUp(): void {
    this.controller.abort();
  }
}

describe('streams of the gateway', () => {
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await startTestApp();
    ({ key } = await aKey(app, { role: 'operator' }));
    for (const era of ['legacy', 'modern'])
      await app.post('/tools', aTool({ name: era, flags: ['--era', era], timeoutMs: 20_000 }));
    await app.post('/tools', { name: 'asking', command: process.execPath, args: [ASKING, '--era', 'legacy'] });
  });
  afterAll(() => app.stop());

  const reach = (tool: string): Reach => ({ origin: app.origin, key, tool });
  const rowsOf = async (query: string): Promise<any[]> => (await app.get(`/logs/mcp?${query}`)).body.items;

  it('takes a stream up again where it broke, and gives that stream alone', async () => {
    const session = await aSession(reach('legacy'));
    const call = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: SLEEP(400, `token ${id}`) });
    const broken = await Stream.open(reach('legacy'), session, call(1));
    const other = await Stream.open(reach('legacy'), session, call(2));
    await broken.until(() => broken.events.length >= 3);
    broken.hangUp();
    const seen = broken.events.length;
    const resumed = await Stream.open(reach('legacy'), { ...session, 'last-event-id': broken.ids[seen]! });
    await resumed.until(() => false);
    await other.until(() => false);
    const all = [...broken.events, ...resumed.events];
    expect(all).toHaveLength(11);
    expect(all.slice(0, 10).every(({ params }) => params.progressToken === 'token 1')).toBe(true);
    expect(all[10]).toMatchObject({ id: 1, result: { content: [{ text: 'Slept 400 ms' }] } });
    expect(other.events.at(-1)).toMatchObject({ id: 2 });
    // What is over can be had once more; what never was can't.
    const again = await Stream.open(reach('legacy'), { ...session, 'last-event-id': resumed.ids.at(-2)! });
    await again.until(() => false);
    expect(again.events).toEqual([all[10]]);
    for (const unknown of ['99-1', 'nonsense'])
      expect((await raw(reach('legacy'), null, { ...session, 'last-event-id': unknown }, 'GET')).status).toBe(400);
  });

  it.each(['legacy', 'modern'])(
    'tells sessions and modern listeners of lists that changed, at a server of era %s',
    async (era) => {
      const old = await aLegacyClient(reach(era));
      const told = new Promise((resolve) => old.setNotificationHandler(ToolListChangedNotificationSchema, resolve));
      const listen = modernRequest('my listen', 'subscriptions/listen', { notifications: { toolsListChanged: true } });
      const stream = await Stream.open(reach(era), listen.headers, listen.body);
      await stream.until(() => stream.events.length === 1);
      expect(stream.events[0]).toMatchObject({
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { toolsListChanged: true } },
      });
      const changing = await aModernClient(reach(era));
      await changing.callTool({ name: 'change-list', arguments: {} });
      await told;
      await stream.until(() => stream.events.length === 2);
      expect(stream.events[1]).toMatchObject({
        method: 'notifications/tools/list_changed',
        params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 'my listen' } },
      });
      stream.hangUp();
      await old.close();
      await changing.close();
    },
  );

  it('hands what a server asks on its own to the stream that is open for that', async () => {
    const session = await aSession(reach('asking'), { roots: {}, sampling: {} });
    const stream = await Stream.open(reach('asking'), session);
    // A newer connection takes the place of the older: its client may have lost that one without a sign.
    const newer = await Stream.open(reach('asking'), session);
    expect(await stream.until(() => false)).toBe(false);
    newer.hangUp();
  });

  describe('a client that gives up', () => {
    const fromLegacy = { jsonrpc: '2.0', id: 'long', method: 'tools/call', params: SLEEP(30_000) };

    it.each(['legacy', 'modern'])('by a notification, at a server of era %s', async (era) => {
      const session = await aSession(reach(era));
      const asked = raw(reach(era), fromLegacy, session);
      await isSent(session['mcp-session-id']!);
      const params = { requestId: 'long', reason: 'enough' };
      await raw(reach(era), { jsonrpc: '2.0', method: 'notifications/cancelled', params }, session);
      const { status, events } = await asked;
      expect([status, events]).toEqual([200, []]);
      await expectCancelled(era, session['mcp-session-id']!);
    });

    it.each(['legacy', 'modern'])('F37: by hanging up in the modern era, at a server of era %s', async (era) => {
      const { body, headers } = modernRequest(7, 'tools/call', SLEEP(30_000), { progressToken: 'mine' });
      const stream = await Stream.open(reach(era), headers, body);
      stream.hangUp();
      await expectCancelled(era, null);
    });

    it('F37: is not one that merely lost its connection, in the older eras: its call goes on', async () => {
      const session = await aSession(reach('legacy'));
      const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: SLEEP(300, 'mine') };
      const stream = await Stream.open(reach('legacy'), session, call);
      await stream.until(() => stream.events.length === 1);
      stream.hangUp();
      const [row] = await waitUntil(
        async () => {
          const rows = await rowsOf(`sessionId=${session['mcp-session-id']}&kind=response&method=tools/call`);
          return rows.length > 0 && rows;
        },
        { what: 'the call has ended' },
      );
      expect(row).toMatchObject({ outcome: 'ok' });
    });

    const isSent = (sessionId: string): Promise<unknown> =>
      waitUntil(async () => (await rowsOf(`sessionId=${sessionId}&kind=request&method=tools/call`)).length === 1, {
        what: 'the call is under way',
      });

    /** The server was told, and the call has its line. */
    const expectCancelled = async (tool: string, sessionId: string | null): Promise<void> => {
      const ended = await waitUntil(
        async () =>
          (await rowsOf(`tool=${tool}&kind=error&method=tools/call`)).find(
            (row) => row.sessionId === sessionId && row.outcome === 'cancelled',
          ),
        { what: 'the call has its line' },
      );
      const told = await rowsOf(`tool=${tool}&method=notifications/cancelled`);
      expect(told.some((row) => row.payload.params.requestId === ended.rpcId)).toBe(true);
    };
  });
});
