import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { McpLogRepository } from '../src/logs/mcp-log.repository';
import { ExportStreams } from '../src/logs/export-streams';
import { Recorder } from '../src/logs/recorder.service';
import { aTool } from './support/a-tool';
import { aTrafficRecord } from './support/a-traffic-record';
import { aKey } from './support/accounts';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());
afterEach(() => jest.restoreAllMocks());

/** A text of one line alone comes parsed. */
const lines = (text: unknown): any[] =>
  typeof text === 'string'
    ? text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
    : [text];
const record = (count: number, given: Parameters<typeof aTrafficRecord>[0] = {}) => {
  for (let n = 0; n < count; n++) app.nest.get(Recorder).record(aTrafficRecord({ rpcId: n, at: Date.now(), ...given }));
};
/** An answer whose body is not read yet. */
const open = async (path: string, token = app.token): Promise<IncomingMessage> => {
  const request = get(`${app.origin}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return answer;
};
const allClosed = () => waitUntil(() => app.nest.get(ExportStreams).openCount === 0, { what: 'no export is open' });
/** More than the sockets of both sides hold. */
const MUCH = { payload: `{"text":"${'x'.repeat(30_000)}"}` };

describe('an export', () => {
  it('has all that the list has, in its words and its order, without a limit', async () => {
    record(700, { toolName: 'exported', toolId: 'e-1', sessionId: 's-e' });
    const { body: list } = await app.get('/logs/mcp?sessionId=s-e&limit=500&order=asc');
    const { status, headers, body } = await app.get('/logs/mcp/export?sessionId=s-e&order=asc');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="mcps-mcp-[\dTZ-]+\.ndjson"$/);
    expect(headers.get('cache-control')).toBe('no-store');
    const entries = lines(body);
    expect(entries).toHaveLength(700);
    expect(entries.slice(0, 500)).toEqual(list.items);
    const newestFirst = lines((await app.get('/logs/mcp/export?sessionId=s-e')).body);
    expect(newestFirst.reverse()).toEqual(entries);
  });

  it.each([
    ['mcp', 'tool=filtered&kind=request&direction=to-server&method=tools/call&target=echo&search=NEEDLE'],
    ['mcp', 'tool=filtered&minDurationMs=0&kind=response'],
    ['system', 'level=info&context=Bootstrap'],
    ['operations', 'action=tool.start&outcome=success&actor=admin'],
  ])('of the log %s takes the filters of the list: %s', async (log, query) => {
    await app.post('/tools', aTool({ name: 'filtered' }));
    await app.post('/tools/filtered/start');
    await app.post('/tools/filtered/call', { name: 'echo', arguments: { text: 'a needle' } });
    const { body: list } = await app.get(`/logs/${log}?${query}`);
    const { body } = await app.get(`/logs/${log}/export?${query}`);
    if (log !== 'system') expect(list.items.length).toBeGreaterThan(0);
    expect(body === '' ? [] : lines(body)).toEqual(list.items);
  });

  it('is empty where nothing matches, but for the names of the columns of CSV', async () => {
    const nothing = 'search=nothing%20has%20this%20text';
    expect((await app.get(`/logs/system/export?${nothing}`)).body).toBe('');
    const { body, headers } = await app.get(`/logs/system/export?${nothing}&format=csv`);
    expect(body).toBe('id,at,level,context,message,requestId,data\r\n');
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(headers.get('content-disposition')).toMatch(/\.csv"$/);
  });

  it('as CSV has a row an entry, and no formula that a spreadsheet would run', async () => {
    const evil = ['=cmd()', '+1', '-1', '@SUM(1)', '\t=1', '\r=1', 'plain, "quoted"\nand more'];
    for (const target of evil) record(1, { sessionId: 's-csv', target, client: null, durationMs: -1.5 });
    const { body } = await app.get('/logs/mcp/export?sessionId=s-csv&format=csv&order=asc');
    const text = String(body);
    expect(text).toMatch(/^id,at,toolId,toolName,sessionId,client,direction,kind,method,target,rpcId,/);
    for (const target of evil.slice(0, 4)) expect(text).toContain(`,'${target},`);
    expect(text).toContain(`,'\t=1,`);
    expect(text).toContain(`,"'\r=1",`);
    expect(text).toContain(',"plain, ""quoted""\nand more",');
    // A number is none, whatever its sign.
    expect(text).toContain(',-1.5,');
    expect(text).toContain('"{""jsonrpc"":""2.0""}"\r\n');
    expect(text.trimEnd().split('\r\n').length).toBe(evil.length + 1);
  });

  it('of an API key of limited scope has the messages of its tools alone', async () => {
    const { body: tool } = await app.post('/tools', aTool({ name: 'mine' }));
    record(3, { toolId: tool.id, toolName: 'mine', sessionId: 's-scope' });
    record(3, { toolId: 'not-mine', toolName: 'theirs', sessionId: 's-scope' });
    const { key } = await aKey(app, { role: 'viewer', tools: ['mine'] });
    const { body } = await app.get('/logs/mcp/export?sessionId=s-scope', { token: key });
    expect(lines(body).map(({ toolName }) => toolName)).toEqual(['mine', 'mine', 'mine']);
    expect((await app.get('/logs/system/export', { token: key })).status).toBe(403);
    expect((await app.get('/logs/operations/export', { token: key })).status).toBe(403);
  });

  it.each(['limit=5', 'cursor=x', 'format=xml', 'from=yesterday', 'level=info', 'nonsense=1'])(
    'refuses what it does not know: %s',
    async (query) => {
      expect((await app.get(`/logs/mcp/export?${query}`)).status).toBe(400);
    },
  );

  it('that can not begin is refused as any question', async () => {
    jest.spyOn(app.nest.get(McpLogRepository), 'iterate').mockImplementation(() => {
      throw new Error('no database');
    });
    const { status, body } = await app.get('/logs/mcp/export');
    expect([status, body.code]).toEqual([500, 'internal_error']);
  });

  it('that fails in the middle says so in a last line, and its body is cut', async () => {
    record(300, { sessionId: 's-cut', ...MUCH });
    const repository = app.nest.get(McpLogRepository);
    const iterate = repository.iterate.bind(repository);
    jest.spyOn(repository, 'iterate').mockImplementation(async function* (filter) {
      let pages = 0;
      for await (const page of iterate(filter)) {
        if (++pages === 3) throw new Error('the database has gone away');
        yield page;
      }
    });
    for (const format of ['ndjson', 'csv']) {
      const answer = await open(`/logs/mcp/export?sessionId=s-cut&format=${format}`);
      expect(answer.statusCode).toBe(200);
      let text = '';
      answer.on('data', (data: Buffer) => (text += data.toString()));
      await expect(once(answer, 'end')).rejects.toThrow('aborted');
      expect(answer.complete).toBe(false);
      if (format === 'ndjson') {
        expect(lines(text).at(-1)).toEqual({
          error: { code: 'internal', message: 'The export could not be finished' },
        });
      }
    }
    await allClosed();
  });

  it('ends when its reader goes away', async () => {
    record(1_000, { sessionId: 's-gone', ...MUCH });
    const answer = await open('/logs/mcp/export?sessionId=s-gone');
    expect(app.nest.get(ExportStreams).openCount).toBe(1);
    answer.destroy();
    await allClosed();
  });

  it('ends with the right to it', async () => {
    const { id, key } = await aKey(app, { role: 'viewer' });
    const answer = await open('/logs/mcp/export?sessionId=s-gone', key);
    expect(answer.statusCode).toBe(200);
    await app.delete(`/api-keys/${id}`);
    answer.resume();
    await expect(once(answer, 'end')).rejects.toThrow('aborted');
    await allClosed();
  });

  it('is one of ten at a time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => open('/logs/mcp/export?sessionId=s-gone')));
    const { status, body, headers } = await app.get('/logs/mcp/export?sessionId=s-gone');
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'too_many_exports', '30']);
    for (const answer of answers) answer.destroy();
    await allClosed();
  });

  it('does not keep the program from ending', async () => {
    const other = await startTestApp({});
    try {
      for (let n = 0; n < 1_000; n++) other.nest.get(Recorder).record(aTrafficRecord({ at: Date.now(), ...MUCH }));
      const request = get(`${other.origin}/api/v1/logs/mcp/export`, {
        headers: { authorization: `Bearer ${other.token}` },
      });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      answer.on('error', () => undefined);
      const began = performance.now();
      await other.close();
      expect(performance.now() - began).toBeLessThan(30_000);
    } finally {
      await other.stop();
    }
  });
});
