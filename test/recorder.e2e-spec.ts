import { SupervisorService } from '../src/supervisor/supervisor.service';
import { aTool } from './support/a-tool';
import { aKey } from './support/accounts';
import { startTestApp, type TestApp } from './support/test-app';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

const page = async (query: string) => (await app.get(`/logs/mcp?${query}`)).body.items;

describe('one message of the log', () => {
  it('comes with the other half of its exchange and what passed around it', async () => {
    await app.post('/tools', aTool({ name: 'exchange' }));
    await app.post('/tools/exchange/start');
    await app.post('/tools/exchange/call', { name: 'echo', arguments: { text: 'hello' } });
    const [answer, request] = await page('tool=exchange&target=echo');
    const { status, body } = await app.get(`/logs/mcp/${request.id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...request, pair: answer });
    expect(body.neighbours.after.map(({ id }: { id: string }) => id)).toContain(answer.id);
    expect(body.neighbours.before.at(-1).method).not.toBe('tools/call');
    expect(body.neighbours.before[0]).not.toHaveProperty('payload');
    expect((await app.get(`/logs/mcp/${answer.id}`)).body.pair).toEqual(request);
  });

  it.each(['0193b1a0-0000-7000-8000-000000000000', 'no-id', '%00'])('is a 404 where there is none: %s', async (id) => {
    const { status, body } = await app.get(`/logs/mcp/${id}`);
    expect([status, body.code]).toEqual([404, 'log_entry_not_found']);
  });

  it('is for those who are logged in', async () => {
    const { status } = await app.get('/logs/mcp/0193b1a0-0000-7000-8000-000000000000', { token: null });
    expect(status).toBe(401);
  });
});

describe('the messages of a tool', () => {
  it('are found under its new name after a renaming, and under its last one after its deletion', async () => {
    const created = await app.post('/tools', aTool({ name: 'former' }));
    await app.post('/tools/former/start');
    await app.post('/tools/former/call', { name: 'echo', arguments: { text: 'before' } });
    await app.post('/tools/former/stop');
    await app.patch('/tools/former', { name: 'latter' });
    await app.post('/tools/latter/start');
    await app.post('/tools/latter/call', { name: 'echo', arguments: { text: 'after' } });
    const all = await page('tool=latter&target=echo&kind=request&order=asc');
    expect(all.map((entry: any) => [entry.toolName, entry.payload.params.arguments.text])).toEqual([
      ['former', 'before'],
      ['latter', 'after'],
    ]);
    expect(await page(`tool=${created.body.id}&target=echo&kind=request`)).toHaveLength(2);
    await app.delete('/tools/latter');
    expect(await page('tool=latter&target=echo&kind=request')).toHaveLength(1);
    expect(await page('tool=former&target=echo&kind=request')).toHaveLength(1);
    expect(await page('tool=nobody')).toEqual([]);
  });
});

describe('the search of the log', () => {
  it('finds plain text in payloads, whatever the case of its letters', async () => {
    await app.post('/tools', aTool({ name: 'searched' }));
    await app.post('/tools/searched/start');
    await app.post('/tools/searched/call', { name: 'echo', arguments: { text: '100% OF_a Needle' } });
    for (const search of ['needle', '100% of_a', 'OF_A NEEDLE']) {
      expect(await page(`tool=searched&kind=request&search=${encodeURIComponent(search)}`)).toHaveLength(1);
    }
    expect(await page('tool=searched&search=of-a')).toEqual([]);
  });

  it('shows what was recorded before it was asked, page by page in either order', async () => {
    await app.post('/tools', aTool({ name: 'paged' }));
    await app.post('/tools/paged/start');
    for (let n = 0; n < 5; n++) await app.post('/tools/paged/call', { name: 'echo', arguments: { text: `n${n}` } });
    for (const order of ['asc', 'desc']) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const query = `tool=paged&target=echo&kind=request&limit=2&order=${order}${cursor && `&cursor=${cursor}`}`;
        const { body } = await app.get(`/logs/mcp?${query}`);
        seen.push(...body.items.map((entry: any) => entry.payload.params.arguments.text));
        cursor = body.nextCursor ?? '';
      } while (cursor !== '');
      expect(seen).toEqual(order === 'asc' ? ['n0', 'n1', 'n2', 'n3', 'n4'] : ['n4', 'n3', 'n2', 'n1', 'n0']);
    }
  });
});

describe('a request that got no answer', () => {
  it.each([
    ['timeout', { name: 'sleep', arguments: { ms: 2_000 }, timeoutMs: 50 }],
    ['transport_error', { name: 'crash' }],
  ])('has the end that we have written as its other half: %s', async (outcome, call) => {
    const name = outcome.replace('_', '-');
    await app.post('/tools', aTool({ name }));
    await app.post(`/tools/${name}/start`);
    await app.post(`/tools/${name}/call`, call);
    const [end] = await page(`tool=${name}&kind=error&target=${call.name}`);
    expect(end).toMatchObject({ outcome, payload: null });
    const { body } = await app.get(`/logs/mcp/${end.id}`);
    expect(body.pair).toMatchObject({ kind: 'request', rpcId: end.rpcId, target: call.name });
    expect((await app.get(`/logs/mcp/${body.pair.id}`)).body.pair).toEqual(end);
  });
});

describe('a request that its caller gave up', () => {
  it('has the end that we have written as its other half, and what the server was told beside it', async () => {
    const { body: tool } = await app.post('/tools', aTool({ name: 'given-up' }));
    await app.post('/tools/given-up/start');
    const leave = new AbortController();
    const peer = app.nest.get(SupervisorService).session(tool.id)?.peer;
    const call = peer?.request({
      ...{ method: 'tools/call', params: { name: 'sleep', arguments: { ms: 20_000 } }, timeoutMs: 30_000 },
      ...{ client: 'in a hurry', sessionId: 's-given-up', signal: leave.signal },
    });
    leave.abort();
    await expect(call).rejects.toMatchObject({ code: 'call_cancelled' });
    const [end] = await page('tool=given-up&kind=error&target=sleep');
    expect(end).toMatchObject({ outcome: 'cancelled', payload: null, client: 'in a hurry', sessionId: 's-given-up' });
    const { body } = await app.get(`/logs/mcp/${end.id}`);
    expect(body.pair).toMatchObject({ kind: 'request', rpcId: end.rpcId, target: 'sleep', sessionId: 's-given-up' });
    const { body: request } = await app.get(`/logs/mcp/${body.pair.id}`);
    expect(request.pair).toEqual(end);
    const [told] = await page('tool=given-up&method=notifications/cancelled');
    expect(told.payload.params.requestId).toBe(request.payload.id);
    const { body: stats } = await app.get('/logs/stats');
    expect(stats.mcp.byMethod).toContainEqual(
      expect.objectContaining({ tool: 'given-up', target: 'sleep', count: 1, byOutcome: { cancelled: 1 } }),
    );
  });
});

describe('one message of the log, for an API key of limited scope', () => {
  it('is there when it is of its tools, and is a 404 otherwise', async () => {
    for (const name of ['inside', 'outside']) {
      await app.post('/tools', aTool({ name }));
      await app.post(`/tools/${name}/start`);
      await app.post(`/tools/${name}/call`, { name: 'echo', arguments: { text: 'x' } });
    }
    const { key } = await aKey(app, { role: 'viewer', tools: ['inside'] });
    const [inside] = await page('tool=inside&target=echo');
    const [outside] = await page('tool=outside&target=echo');
    const { status, body } = await app.get(`/logs/mcp/${inside.id}`, { token: key });
    expect([status, body.id, body.pair.target]).toEqual([200, inside.id, 'echo']);
    const refused = await app.get(`/logs/mcp/${outside.id}`, { token: key });
    expect([refused.status, refused.body.code]).toEqual([404, 'log_entry_not_found']);
    expect((await app.get(`/logs/mcp/${outside.id}`)).status).toBe(200);
  });
});
