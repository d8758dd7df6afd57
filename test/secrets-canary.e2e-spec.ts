import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DataSource } from 'typeorm';
import { parseDatabaseUrl } from '../src/config/database-url';
import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';

const HTTP_FIXTURE = join(__dirname, 'support/fixture-http-server.mjs');

/** Configured values, whatever they look like. */
const IN_ENV = 'canary in env, "quoted" \\ and 4711';
const IN_HEADER = 'canary-header-4712-xyz';
/** Never configured: known by their look and by the names of their fields alone. */
const BY_SHAPE = 'ghp_canary4713canary4713canary4713canary';
const BY_NAME = 'canary 4714 of a field';
const scratch = mkdtempSync(join(tmpdir(), 'mcps-canary-'));
/** Says its secret and another one on stderr, then is the server that it is told, or ends. */
const TALKER = join(scratch, 'talker.mjs');
const FIXTURE = join(__dirname, 'support/fixture-mcp-server.mjs');
writeFileSync(
  TALKER,
  `process.stderr.write(\`I have \${process.env.API_KEY} and token=${BY_SHAPE}\\n\`);
  if (process.argv[2] === undefined) process.exit(3);
  process.argv.splice(1, 1);
  await import(process.argv[1]);`,
);
const OPENING_PARTS = ['canary in env', 'and 4711', IN_HEADER, BY_SHAPE, 'canary 4714'];

function expectNone(text: string, where: string): void {
  for (const part of OPENING_PARTS)
    expect({ where, part, found: text.includes(part) }).toEqual({ where, part, found: false });
}

describe('A23: a canary secret', () => {
  let app: TestApp;
  let child: ChildProcess;
  let port = 0;
  beforeAll(async () => {
    app = await startTestApp();
    const flags = ['--require-header', `Authorization=Bearer ${IN_HEADER}`];
    child = spawn(process.execPath, [HTTP_FIXTURE, ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    port = Number(/listening (\d+)/.exec(line.toString())?.[1]);
  });
  afterAll(async () => {
    child.stdin?.end();
    rmSync(scratch, { recursive: true, force: true });
    if (child.exitCode === null) await once(child, 'exit');
  });

  it('is in no answer, log, audit row or byte of the database, whatever the tools do with it', async () => {
    const answers: string[] = [];
    const keep = ({ body }: { body: unknown }) => void answers.push(JSON.stringify(body));
    const env = { API_KEY: IN_ENV };
    const headers = { Authorization: `Bearer ${IN_HEADER}` };

    // Made, imported, checked, probed, changed, exported.
    const local = { ...aTool({ name: 'local', env }), args: [TALKER, FIXTURE] };
    keep(await app.post('/tools', local));
    keep(await app.post('/tools', { name: 'far', url: `http://127.0.0.1:${port}/mcp`, headers }));
    const exits = { ...local, name: 'exits', args: [TALKER] };
    keep(await app.post('/tools', { ...exits, restartPolicy: 'never' }));
    keep(
      await app.post('/tools/import', { config: { mcpServers: { imported: { command: 'npx', args: ['x'], env } } } }),
    );
    keep(await app.post('/tools/validate', aTool({ name: 'checked', env })));
    keep(await app.post('/tools/probe', { ...local, name: 'probed' }));
    keep(await app.post('/tools/probe', { ...exits, name: 'probed' }));
    keep(await app.patch('/tools/local', { description: 'changed', env: { ...env, SECOND: IN_ENV } }));
    for (const target of ['direct', 'gateway']) keep(await app.get(`/tools/export?target=${target}`));

    // Started, failing to start, called; the one who calls knows what is sent, and the answer is the tool's own.
    for (const name of ['local', 'far', 'exits']) keep(await app.post(`/tools/${name}/start`));
    const said = JSON.stringify({ user: 'ann', password: BY_NAME });
    for (const name of ['local', 'far']) {
      for (const text of [name === 'local' ? IN_ENV : IN_HEADER, `the key ${BY_SHAPE}.`, said]) {
        const { status, body } = await app.post(`/tools/${name}/call`, { name: 'echo', arguments: { text } });
        expect({ status, text: body.result.content[0].text }).toEqual({ status: 200, text: `Echo: ${text}` });
      }
      keep(await app.post(`/tools/${name}/call`, { name: 'echo', arguments: { text: 'x', apiKey: BY_NAME } }));
      keep(await app.post(`/tools/${name}/request`, { method: 'no/such/method', params: { access_token: BY_NAME } }));
      keep(await app.post(`/tools/${name}/stop`));
    }

    for (const name of ['local', 'far', 'exits', 'imported']) {
      for (const what of ['', '/status', '/stderr']) keep(await app.get(`/tools/${name}${what}`));
    }
    for (const name of ['local', 'far']) keep(await app.get(`/tools/${name}/capabilities`));
    keep(await app.get('/tools'));
    const messages = await app.get('/logs/mcp?limit=500');
    keep(messages);
    expect(messages.body.items.length).toBeGreaterThan(20);
    const masked = messages.body.items.filter((row: { payload: unknown }) =>
      JSON.stringify(row.payload).includes('***'),
    );
    expect(masked.length).toBeGreaterThan(10);
    keep(await app.get('/logs/operations?limit=500'));
    keep(await app.get('/logs/system?limit=500'));
    answers.forEach((answer, index) => expectNone(answer, `answer ${index}`));

    expectNone(JSON.stringify(app.log), 'the log on the console and in the file');
    const source = app.nest.get(DataSource);
    for (const { tableName } of source.entityMetadatas) {
      expectNone(JSON.stringify(await source.query(`SELECT * FROM ${tableName}`)), `table ${tableName}`);
    }
    await app.close();
    const database = parseDatabaseUrl(app.databaseUrl);
    const folders = [app.dataDir, ...(database.type === 'sqlite' ? [dirname(database.file)] : [])];
    for (const folder of folders) {
      for (const file of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())) {
        expectNone(readFileSync(join(folder, file.name), 'latin1'), `file ${file.name}`);
      }
    }
    await app.stop();
  });
});
