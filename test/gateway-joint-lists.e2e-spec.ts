import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { aLegacyClient, aModernClient, aSession, modernRequest, raw, type Reach } from './support/mcp-clients';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

const names = (entries: { name: string }[]): string[] => entries.map(({ name }) => name);

describe('the joint lists', () => {
  let app: TestApp;
  let reach: Reach;
  beforeEach(async () => {
    app = await startTestApp();
    const { key } = await aKey(app, { role: 'operator' });
    reach = { origin: app.origin, key, tool: '' };
  });
  afterEach(() => app.stop());

  /** Runs already: a list waits for three seconds for those that do not, which may be too short on a busy machine. */
  const running = async (tool: ReturnType<typeof aTool>): Promise<void> => {
    await app.post('/tools', tool);
    expect((await app.post(`/tools/${tool.name}/start`)).status).toBe(200);
  };
  const list = async (method = 'tools/list', params: Record<string, unknown> = {}, who = reach): Promise<any> => {
    const { body, headers } = modernRequest(1, method, params);
    return (await raw(who, body, headers)).body;
  };

  it('are cut into pages that hold every entry once, with cursors that nobody else can make', async () => {
    await running(aTool({ name: 'many', flags: ['--tools', '700', '--page-size', '300'] }));
    await running(aTool({ name: 'few' }));
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const { result } = await list('tools/list', cursor === undefined ? {} : { cursor });
      seen.push(...names(result.tools));
      cursor = result.nextCursor;
      pages += 1;
    } while (cursor !== undefined);
    expect(pages).toBe(2);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(['many__extra-700', 'few__echo']));
    const first = await list();
    for (const wrong of ['', 'x.y', `${first.result.nextCursor}x`, 7])
      expect(await list('tools/list', { cursor: wrong })).toMatchObject({ error: { code: -32602 } });
    expect(await list('prompts/list', { cursor: first.result.nextCursor })).toMatchObject({ error: { code: -32602 } });
  });

  it('wait for no tool that hangs or can not be started, and say which they are without', async () => {
    await running(aTool({ name: 'good' }));
    await app.post('/tools', aTool({ name: 'hanging', flags: ['--hang'], startTimeoutMs: 60_000 }));
    await app.post('/tools', aTool({ name: 'broken', command: 'no-such-command-anywhere' }));
    const { result } = await list();
    expect(new Set(names(result.tools).map((name) => name.split('__')[0]))).toEqual(new Set(['good']));
    expect(result._meta['mcps.one/leftOut']).toEqual([
      { tool: 'hanging', reason: expect.any(String) },
      { tool: 'broken', reason: expect.stringContaining('no-such-command-anywhere') },
    ]);
    const lastTry = async (): Promise<unknown> => (await app.get('/tools/broken/status')).body.lastError.at;
    const triedAt = await lastTry();
    // What was waited for in vain is not waited for by each list anew.
    const again = await list();
    expect(again.result.tools).toEqual(result.tools);
    expect(again.result._meta['mcps.one/leftOut']).toEqual(result._meta['mcps.one/leftOut']);
    const headers = await aSession(reach);
    const legacy = await raw(reach, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers);
    expect(names(legacy.body.result._meta['mcps.one/leftOut'].map(({ tool }: any) => ({ name: tool })))).toEqual([
      'hanging',
      'broken',
    ]);
    expect(await lastTry()).toBe(triedAt);
  });

  it('keep what a tool offered that does not run now, and leave out one that was stopped', async () => {
    await running(aTool({ name: 'asleep' }));
    await running(aTool({ name: 'stopped' }));
    expect(names((await list()).result.tools)).toEqual(expect.arrayContaining(['asleep__echo', 'stopped__echo']));
    await app.post('/tools/stopped/stop');
    // Killed from outside and not to be restarted: nobody has asked for its end.
    await app.patch('/tools/asleep', { restartPolicy: 'never' });
    await app.post('/tools/asleep/restart');
    await app.post('/tools/asleep/call', { name: 'crash', arguments: {} });
    const { result } = await list();
    expect(names(result.tools)).toContain('asleep__echo');
    expect(names(result.tools)).not.toContain('stopped__echo');
    expect(result._meta['mcps.one/leftOut']).toEqual([{ tool: 'stopped', reason: 'it was stopped' }]);
  });

  it('show a key of limited scope its own tools alone, and a viewer what it may not call', async () => {
    for (const name of ['open', 'secret']) await running(aTool({ name }));
    const limited = { ...reach, key: (await aKey(app, { role: 'operator', tools: ['open'] })).key };
    const tools = names((await list('tools/list', {}, limited)).result.tools);
    expect(new Set(tools.map((name) => name.split('__')[0]))).toEqual(new Set(['open']));
    const { instructions } = (await list('server/discover', {}, limited)).result;
    expect(instructions).toMatch(/^# open/);
    expect(instructions).not.toContain('# secret');
    const call = { name: 'secret__echo', arguments: { text: 'x' } };
    expect((await list('tools/call', call, limited)).error).toMatchObject({ code: 403 });
    expect((await list('tools/call', { ...call, name: 'nothing__echo' }, limited)).error).toMatchObject({ code: 403 });
    expect((await list('resources/read', { uri: 'mcps-secret+fixture://note/1' }, limited)).error).toBeDefined();
    const viewer = { ...reach, key: (await aKey(app, { role: 'viewer' })).key };
    expect(names((await list('tools/list', {}, viewer)).result.tools)).toContain('secret__echo');
    expect((await list('tools/call', call, viewer)).error).toMatchObject({ code: 403 });
  });

  it('are told to have changed when a tool offers something else, comes or goes', async () => {
    await running(aTool({ name: 'one', flags: ['--era', 'legacy'] }));
    await running(aTool({ name: 'two', flags: ['--era', 'modern'] }));
    const told: string[] = [];
    const hear = (client: any): void => {
      client.fallbackNotificationHandler = ({ method }: { method: string }) => {
        told.push(method);
        return Promise.resolve();
      };
    };
    const session = await aLegacyClient(reach, {}, hear);
    const stateless = await aModernClient(reach, 'pinned', {}, hear);
    await session.listTools();
    await stateless.listen({ toolsListChanged: true });
    const changes = async (kind: string, count: number, change: () => Promise<unknown>): Promise<void> => {
      told.length = 0;
      await change();
      await waitUntil(() => told.filter((method) => method === `notifications/${kind}/list_changed`).length >= count, {
        what: `${count} of ${kind}`,
      });
    };
    const call = (name: string, what: string) => () => session.callTool({ name, arguments: { what } });
    await changes('tools', 2, call('one__change-list', 'tools'));
    await changes('tools', 2, call('two__change-list', 'tools'));
    await changes('prompts', 1, call('one__change-list', 'prompts'));
    await changes('tools', 2, () => app.post('/tools', aTool({ name: 'three' })));
    await changes('tools', 2, () => app.patch('/tools/three', { enabled: false }));
    await changes('tools', 2, () => app.delete('/tools/one'));
    expect(new Set(names((await session.listTools()).tools).map((name) => name.split('__')[0]))).toEqual(
      new Set(['two']),
    );
    await Promise.all([session.close(), stateless.close()]);
  });

  it('cut names over 64 characters, and find the tool again that a call means', async () => {
    const name = 'a-tool-with-quite-a-long-name-as-some-people-like-them-very-much';
    await running(aTool({ name: name.slice(0, 63) }));
    const { tools } = (await list()).result;
    for (const { name: cut } of tools) expect(cut).toMatch(/^.{55}_[0-9a-f]{8}$/);
    expect(new Set(names(tools)).size).toBe(tools.length);
    const echo = tools.find(({ description }: any) => description === 'Gives the text back').name;
    expect(await list('tools/call', { name: echo, arguments: { text: 'found' } })).toMatchObject({
      result: { content: [{ text: 'Echo: found' }] },
    });
    expect(await list('tools/call', { name: `${echo.slice(0, -1)}!`, arguments: {} })).toMatchObject({
      error: { code: -32602 },
    });
  });
});
