import { Logger } from '@nestjs/common';
import { LiveViews } from '../src/events/live-views';
import { Events } from '../src/events/events';
import { StreamHub } from '../src/stream/stream-hub';
import { aTool } from './support/a-tool';
import { aKey, aLogin, aUser } from './support/accounts';
import { type EventClient, type EventRequest, readEvents } from './support/event-client';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

let app: TestApp;
const clients: EventClient[] = [];
const PAGE = 'http://page.example';

beforeAll(async () => {
  app = await startTestApp({ env: { CORS_ORIGINS: PAGE } });
});

afterAll(() => app.stop());

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

async function stream(query = '', given: Partial<EventRequest> = {}): Promise<EventClient> {
  const client = await readEvents(app.origin, { token: app.token, query, ...given });
  clients.push(client);
  return client;
}

/** A stream that is live. */
async function live(query = '', given: Partial<EventRequest> = {}): Promise<EventClient> {
  const client = await stream(query, given);
  await client.next('ready');
  return client;
}

const say = (message: string) => new Logger('Test').log(message);
const call = (tool: string, text: string) => app.post(`/tools/${tool}/call`, { name: 'echo', arguments: { text } });
const idsOf = (client: EventClient, event: string) => client.data(event).map(({ id }) => id);
const logged = async (log: string, query: string) =>
  (await app.get(`/logs/${log}?order=asc&limit=500&${query}`)).body.items;

describe('the stream of events', () => {
  it('is one, and no proxy may keep it back', async () => {
    const client = await live();
    expect(client.status).toBe(200);
    expect(Object.fromEntries(client.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    expect(client.headers.get('x-request-id')).toBeTruthy();
    expect(client.headers.get('content-encoding')).toBeNull();
    expect(client.headers.get('content-length')).toBeNull();
  });

  it('shows what happens as the REST routes show it, messages without their payload', async () => {
    await app.post('/tools', aTool({ name: 'shown' }));
    const client = await live();
    await app.post('/tools/shown/start');
    await call('shown', 'hello');
    say('said to the system log');
    await client.next('log.mcp', ({ target, kind }) => target === 'echo' && kind === 'response');
    await client.next('log.system', ({ message }) => message === 'said to the system log');
    await client.next('log.operation', ({ action }) => action === 'tool.call');

    const [asked] = await logged('mcp', 'tool=shown&target=echo&kind=request');
    const { payload, ...message } = asked;
    expect(payload).not.toBeNull();
    expect(client.data('log.mcp').find(({ id }) => id === asked.id)).toEqual(message);
    const [operation] = await logged('operations', 'action=tool.call');
    expect(client.data('log.operation').at(-1)).toEqual(operation);
    const [line] = await logged('system', 'search=said%20to%20the%20system');
    expect(client.data('log.system').find(({ id }) => id === line.id)).toEqual(line);
  });

  it('begins with the state of every tool and shows each change, also that one is gone', async () => {
    const { body: tool } = await app.post('/tools', aTool({ name: 'changing' }));
    const client = await live('?types=tool.status');
    const own = () => client.data('tool.status').filter(({ id }) => id === tool.id);
    expect(own()).toMatchObject([{ name: 'changing', status: { state: 'stopped', desired: 'on-demand' } }]);
    await app.post('/tools/changing/start');
    const running = await client.next('tool.status', ({ id, status }) => id === tool.id && status.state === 'running');
    const { body: status } = await app.get('/tools/changing/status');
    expect(Object.keys(running.status)).toEqual(Object.keys(status));
    expect(running.status).toMatchObject({ pid: status.pid, desired: 'running' });
    await app.post('/tools/changing/stop');
    await client.next(
      'tool.status',
      ({ id, status: now }) => id === tool.id && now.desired === 'stopped' && now.state === 'stopped',
    );
    await app.patch('/tools/changing', { name: 'changed' });
    await client.next('tool.status', ({ id, name }) => id === tool.id && name === 'changed');
    await app.delete('/tools/changed');
    await client.next('tool.status', ({ id, status: now }) => id === tool.id && now === null);
    expect(own().at(-1)).toEqual({ id: tool.id, name: 'changed', status: null });
  });

  it('shows only what is asked for', async () => {
    const { body: one } = await app.post('/tools', aTool({ name: 'one-of-two' }));
    await app.post('/tools', aTool({ name: 'two-of-two' }));
    const [operations, tool] = await Promise.all([live('?types=log.operation'), live('?tool=one-of-two')]);
    for (const name of ['two-of-two', 'one-of-two']) {
      await app.post(`/tools/${name}/start`);
      await call(name, 'x');
    }
    await tool.next('log.operation', ({ action }) => action === 'tool.call');
    await tool.next('log.mcp', ({ target, kind }) => target === 'echo' && kind === 'response');
    await operations.next('log.operation', ({ action, target }) => action === 'tool.call' && target.id === one.id);
    expect(new Set(operations.events.map(({ event }) => event))).toEqual(new Set(['ready', 'log.operation']));
    expect(new Set(tool.data('log.mcp').map(({ toolId }) => toolId))).toEqual(new Set([one.id]));
    expect(new Set(tool.data('log.operation').map(({ target }) => target.id))).toEqual(new Set([one.id]));
    expect(new Set(tool.data('tool.status').map(({ id }) => id))).toEqual(new Set([one.id]));
    expect(tool.data('log.system')).toEqual([]);
    const byId = await live(`?tool=${one.id}&types=tool.status`);
    expect(byId.data('tool.status')).toHaveLength(1);
  });

  it.each([
    ['?types=log.mcp,log.nonsense', 400, 'validation_failed', /types names no event: "log\.nonsense"/],
    ['?types=', 400, 'validation_failed', /types/],
    ['?types=backup&types=log.mcp', 400, 'validation_failed', /types/],
    ['?since=now', 400, 'validation_failed', /since is not known/],
    ['?tool=nobody', 404, 'tool_not_found', /nobody/],
  ])('is refused with what is wrong about it: %s', async (query, status, code, detail) => {
    const { problem, ...client } = await stream(query);
    expect([client.status, problem.code]).toEqual([status, code]);
    expect(problem.detail).toMatch(detail);
  });

  it.each(['17', 'm1.s2', 'm1.s2.o-3', 'm1.s2.o3x', `m${'9'.repeat(20)}.s1.o1`])(
    'does not go on from what is no id of it: %s',
    async (lastEventId) => {
      const { problem, status } = await stream('', { lastEventId });
      expect([status, problem.errors[0].path]).toEqual([400, 'Last-Event-ID']);
    },
  );

  it('answers HEAD without being opened, and lets pages of allowed origins read it', async () => {
    const head = await app.request('HEAD', '/events');
    expect([head.status, head.body]).toEqual([200, '']);
    expect(head.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const headers = {
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization,last-event-id',
      origin: PAGE,
    };
    const preflight = await app.request('OPTIONS', '/events', { token: null, headers });
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/last-event-id/);
    const client = await live('', { headers: { origin: PAGE } });
    expect(client.headers.get('access-control-allow-origin')).toBe(PAGE);
  });
});

describe('what others show', () => {
  it('comes by the views that they register', async () => {
    const views = app.nest.get(LiveViews);
    const backups = new Map<string, object>([['b-1', { id: 'b-1', state: 'running', progress: 0.5 }]]);
    let looks = 0;
    views.showBackups({
      read: (id) => Promise.resolve(backups.get(id) ?? null),
      current: () => Promise.resolve([...backups.keys()]),
    });
    views.showSystemStatus(() => Promise.resolve({ uptimeSeconds: ++looks }));
    const client = await live('?types=backup,system.status');
    // Its status may have come once more by now.
    expect(client.events.slice(0, 3).map(({ event, data }) => [event, data])).toEqual([
      ['backup', { id: 'b-1', state: 'running', progress: 0.5 }],
      ['system.status', { uptimeSeconds: 1 }],
      ['ready', { types: ['backup', 'system.status'], toolId: null }],
    ]);
    backups.set('b-1', { id: 'b-1', state: 'completed' });
    app.nest.get(Events).tell('backup.changed', { backupId: 'b-1' });
    app.nest.get(Events).tell('backup.changed', { backupId: 'gone' });
    await client.next('backup', ({ state }) => state === 'completed');
    await client.next('system.status', ({ uptimeSeconds }) => uptimeSeconds >= 2);
    await client.close();
    await waitUntil(() => app.nest.get(StreamHub).count === 0, { what: 'it is not listened to any more' });
    const seen = looks;
    // Nobody listens: nobody looks.
    const other = await live('?types=log.system');
    await other.next('ready');
    expect(looks).toBe(seen);
  });
});

describe('a stream that is taken up again', () => {
  it('has every entry once, in the order of the commits, also those written while it comes back', async () => {
    await app.post('/tools', aTool({ name: 'seam' }));
    await app.post('/tools/seam/start');
    let isOver = false;
    let calls = 0;
    const writers = [0, 1, 2].map(async (writer) => {
      while (!isOver) {
        await call('seam', `${writer} ${calls++}`);
        say(`seam ${writer} ${calls}`);
      }
    });
    const seen = { 'log.mcp': [], 'log.operation': [], 'log.system': [] } as Record<string, string[]>;
    let lastEventId: string | undefined;
    for (let round = 0; round < 12; round++) {
      const client = await stream(
        '?types=log.mcp,log.operation,log.system',
        lastEventId === undefined ? {} : { lastEventId },
      );
      // Cut at any moment: while it begins, while it catches up, while it is live.
      if (round % 3 === 0) await client.next('ready');
      const enough = client.events.length + round * 7;
      await waitUntil(() => client.events.length > enough, { what: 'some events' });
      await client.close();
      if (client.data('gap').length > 0) throw new Error('It has a gap');
      lastEventId = client.lastId;
      for (const log of Object.keys(seen)) seen[log]?.push(...idsOf(client, log));
    }
    isOver = true;
    await Promise.all(writers);
    const last = await live('?types=log.mcp,log.operation,log.system', { lastEventId: lastEventId ?? '' });
    for (const log of Object.keys(seen)) seen[log]?.push(...idsOf(last, log));

    for (const [event, log] of [
      ['log.mcp', 'mcp'],
      ['log.operation', 'operations'],
      ['log.system', 'system'],
    ] as const) {
      const ids = seen[event] ?? [];
      const stored = await allIds(log);
      const from = stored.indexOf(ids[0] ?? '');
      expect({ log, ids }).toEqual({ log, ids: stored.slice(from, from + ids.length) });
      expect(ids.length).toBeGreaterThan(20);
    }
  });

  async function allIds(log: string): Promise<string[]> {
    const ids: string[] = [];
    let cursor = '';
    do {
      const { body } = await app.get(`/logs/${log}?order=asc&limit=500${cursor}`);
      ids.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    return ids;
  }

  it('says what it can not have: numbers that the log does not know yet', async () => {
    const client = await live('?types=log.mcp', { lastEventId: 'm999999999.s1.o1' });
    expect(client.data('gap')).toEqual([{ type: 'log.mcp', missed: null }]);
    await call('seam', 'after the gap');
    await client.next('log.mcp');
  });

  it('goes on from an id that no event had, but a heartbeat told', async () => {
    const client = await live('?types=log.operation');
    const { lastId } = client;
    await client.close();
    await app.post('/tools/seam/stop');
    const again = await live('?types=log.operation', { lastEventId: lastId });
    expect(again.data('log.operation')).toMatchObject([{ action: 'tool.stop' }]);
  });
});

describe('A15: who may see what', () => {
  it('a key that is limited to some tools gets these and nothing else', async () => {
    const { body: mine } = await app.post('/tools', aTool({ name: 'in-scope' }));
    await app.post('/tools', aTool({ name: 'out-of-scope' }));
    const { key } = await aKey(app, { role: 'viewer', tools: ['in-scope'] });
    const client = await live('', { token: key });
    expect(client.data('ready')).toEqual([{ types: ['tool.status', 'log.mcp'], toolId: null }]);
    for (const name of ['out-of-scope', 'in-scope']) {
      await app.post(`/tools/${name}/start`);
      await call(name, 'x');
    }
    say('not for keys of a scope');
    await client.next('log.mcp', ({ target, kind }) => target === 'echo' && kind === 'response');
    await client.next('tool.status', ({ status }) => status.state === 'running');
    expect(new Set(client.events.map(({ event }) => event))).toEqual(new Set(['ready', 'tool.status', 'log.mcp']));
    expect(new Set(client.data('log.mcp').map(({ toolId }) => toolId))).toEqual(new Set([mine.id]));
    expect(new Set(client.data('tool.status').map(({ id }) => id))).toEqual(new Set([mine.id]));
    // The same from the database.
    const again = await live('', { token: key, lastEventId: 'm0.s0.o0' });
    expect(new Set(again.data('log.mcp').map(({ toolId }) => toolId))).toEqual(new Set([mine.id]));
    expect(again.data('log.operation')).toEqual([]);
    for (const [query, code] of [
      ['?types=log.operation', 'scope_missing'],
      ['?types=log.mcp,log.system', 'scope_missing'],
      ['?types=backup', 'scope_missing'],
      ['?tool=out-of-scope', 'tool_out_of_scope'],
      ['?tool=nobody', 'tool_out_of_scope'],
    ] as const) {
      const refused = await stream(query, { token: key });
      expect([query, refused.status, refused.problem.code]).toEqual([query, 403, code]);
    }
  });

  it('a key, a login or a user whose right has ended sees no more of it, at once', async () => {
    const key = await aKey(app, { role: 'viewer' });
    const user = await aUser(app, 'viewer');
    const other = await aLogin(app, user.username);
    const [byKey, byUser, byOther] = [
      await live('', { token: key.key }),
      await live('', { token: user.token }),
      await live('', { token: other.token }),
    ];
    const untouched = await live();
    await app.delete(`/api-keys/${key.id}`);
    await byKey.ended;
    expect(byKey.events.at(-1)).toMatchObject({ event: 'revoked' });
    await app.post('/auth/logout', undefined, { token: other.token });
    await byOther.ended;
    expect(byOther.events.at(-1)).toMatchObject({ event: 'revoked' });
    expect(byUser.data('revoked')).toEqual([]);
    await app.patch(`/users/${user.id}`, { disabled: true });
    await byUser.ended;
    expect(byUser.events.at(-1)).toMatchObject({ event: 'revoked' });
    say('after the revocations');
    await untouched.next('log.system', ({ message }) => message === 'after the revocations');
    expect(byKey.data('log.system').some(({ message }) => message === 'after the revocations')).toBe(false);
    expect((await stream('', { token: key.key })).status).toBe(401);
  });

  it('a credential that is over ends the stream as well', async () => {
    const { key } = await aKey(app, { role: 'viewer', expiresAt: new Date(Date.now() + 5_000).toISOString() });
    const client = await live('', { token: key });
    await client.ended;
    expect(client.events.at(-1)).toMatchObject({ event: 'expired' });
  });
});

describe('the number of streams', () => {
  afterEach(() => app.put('/system/config', { 'events.maxStreams': null, 'events.maxStreamsPerCaller': null }));

  it('is limited for each caller, and a place is free again when a client has gone (F37)', async () => {
    await app.put('/system/config', { 'events.maxStreamsPerCaller': 2 });
    const { key } = await aKey(app, { role: 'viewer' });
    const [first] = [await live('', { token: key }), await live('', { token: key })];
    const third = await stream('', { token: key });
    expect([third.status, third.problem.code, third.headers.get('retry-after')]).toEqual([
      429,
      'too_many_streams',
      '10',
    ]);
    expect((await live()).status).toBe(200);
    await first.close();
    await waitUntil(async () => (await stream('', { token: key })).status === 200, { what: 'a free place' });
  });

  it('is limited in all', async () => {
    await live();
    await app.put('/system/config', { 'events.maxStreams': 1 });
    const { status, problem } = await stream();
    expect([status, problem.code]).toEqual([503, 'streams_exhausted']);
  });
});

describe('a shutdown', () => {
  it('ends each stream with a last event and does not wait for readers', async () => {
    const own = await startTestApp();
    const all = await Promise.all([0, 1, 2].map(() => readEvents(own.origin, { token: own.token })));
    for (const client of all) await client.next('ready');
    const began = performance.now();
    await own.close();
    expect(performance.now() - began).toBeLessThan(20_000);
    for (const client of all) {
      await client.ended;
      expect(client.events.at(-1)).toMatchObject({ event: 'shutdown' });
    }
    await own.stop();
  });
});
