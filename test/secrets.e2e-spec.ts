import { join } from 'node:path';
import { rotateSecrets, type RotationOptions } from '../src/app.rotation';
import { Operation } from '../src/audit/operation.entity';
import { loadConfig } from '../src/config/load-config';
import { SecretKeys } from '../src/config/secret-keys';
import { SecretKeyRecord } from '../src/database/secret-key.entity';
import { WrongSecretKeyError } from '../src/database/secret-key-check';
import { Tool } from '../src/tools/tool.entity';
import { DataSource } from 'typeorm';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';

const [FIRST, SECOND, THIRD] = ['first', 'second', 'third'].map(
  (word) => `the ${word} key, which is long enough for it`,
);
const VALUES = { env: { API_KEY: 'value-one-4711', EMPTY: '' } };
const HEADERS = { Authorization: 'Bearer value-two-4712' };

/** Changes keys as the command does, on the data of an application that is closed. */
function rotate(
  app: TestApp,
  keys: { SECRET_KEY?: string; SECRET_KEY_OLD?: string },
  options: Partial<RotationOptions> = {},
) {
  const config = loadConfig({ DATABASE_URL: app.databaseUrl, DATA_DIR: app.dataDir, ...keys });
  return rotateSecrets(config, { dryRun: false, adopt: false, ...options });
}

async function anInstallation(key: string | undefined): Promise<TestApp> {
  const app = await startTestApp({ env: key === undefined ? {} : { SECRET_KEY: key } });
  await app.post('/tools', aTool({ name: 'local', ...VALUES }));
  await app.post('/tools', { name: 'far', url: 'https://mcp.example.com/mcp', headers: HEADERS });
  return app;
}

async function expectValues(app: TestApp): Promise<void> {
  expect((await app.post('/tools/local/reveal')).body).toEqual({ ...VALUES, headers: {} });
  expect((await app.post('/tools/far/reveal')).body).toEqual({ env: {}, headers: HEADERS });
}

const started: TestApp[] = [];
const start = async (reuse: TestApp, env: Record<string, string> = {}) => {
  const app = await startTestApp({ reuse, env });
  started.push(app);
  return app;
};
afterEach(async () => {
  for (const app of started.splice(0)) await app.stop();
});

describe('A27: another key at the start', () => {
  it('is refused in one line before anything is started, and changes nothing', async () => {
    const first = await anInstallation(FIRST);
    const before = await first.nest.get(DataSource).manager.find(Tool);
    await first.close();
    const wrong = startTestApp({ reuse: first, env: { SECRET_KEY: SECOND! } });
    await expect(wrong).rejects.toThrow(WrongSecretKeyError);
    await expect(wrong).rejects.toThrow(new RegExp(`key id ${new SecretKeys(FIRST!).keyId}; .*nothing was changed`));
    const again = await start(first, { SECRET_KEY: FIRST! });
    expect(await again.nest.get(DataSource).manager.find(Tool)).toEqual(before);
    await expectValues(again);
  });

  it('is noticed in a database of before there were marks, by the values that do not open', async () => {
    const first = await anInstallation(FIRST);
    await first.nest.get(DataSource).manager.clear(SecretKeyRecord);
    await first.close();
    await expect(startTestApp({ reuse: first, env: { SECRET_KEY: SECOND! } })).rejects.toThrow(WrongSecretKeyError);
    const again = await start(first, { SECRET_KEY: FIRST! });
    expect(await again.nest.get(DataSource).manager.count(SecretKeyRecord)).toBe(1);
  });

  it('leaves a mark at the first start that tells nothing of the key', async () => {
    const first = await anInstallation(FIRST);
    started.push(first);
    const [record] = await first.nest.get(DataSource).manager.find(SecretKeyRecord);
    expect(record).toMatchObject({ number: 1, firstOperation: 1, chainKey: null });
    expect(record?.checkValue).toMatch(/^[0-9a-f]{64}$/);
    const { secretsAtRest, operationChain, accessTokens } = new SecretKeys(FIRST!);
    for (const key of [secretsAtRest, operationChain, accessTokens])
      expect(record?.checkValue).not.toBe(key.toString('hex'));
  });
});

describe('A27: a change of keys', () => {
  it('seals every value anew, keeps the operation log verifiable through several keys, and ends old tokens', async () => {
    const first = await anInstallation(FIRST);
    await first.close();
    const report = await rotate(first, { SECRET_KEY: SECOND, SECRET_KEY_OLD: FIRST });
    expect(report).toMatchObject({ outcome: 'rotated', values: 3, chain: { unverifiable: 0, firstBroken: null } });
    expect(report.chain.checked).toBeGreaterThan(3);

    await expect(startTestApp({ reuse: first, env: { SECRET_KEY: FIRST! } })).rejects.toThrow(WrongSecretKeyError);
    const second = await startTestApp({ reuse: first, env: { SECRET_KEY: SECOND! } });
    await expectValues(second);
    expect((await second.get('/auth/me', { token: first.token })).status).toBe(401);
    const stored = JSON.stringify(await second.nest.get(DataSource).manager.find(Tool));
    expect(stored).not.toContain(new SecretKeys(FIRST!).keyId);
    await second.close();

    const twice = await rotate(first, { SECRET_KEY: THIRD, SECRET_KEY_OLD: SECOND });
    expect(twice.chain).toMatchObject({ unverifiable: 0, firstBroken: null });
    expect(twice.chain.checked).toBeGreaterThan(report.chain.checked);
    // Back to the first one: keys may return.
    const back = await rotate(first, { SECRET_KEY: FIRST, SECRET_KEY_OLD: THIRD });
    expect(back.chain).toMatchObject({ unverifiable: 0, firstBroken: null });
    const last = await start(first, { SECRET_KEY: FIRST! });
    await expectValues(last);
    const rows = await last.get('/logs/operations?action=secrets.rotate');
    expect(rows.body.items).toHaveLength(3);
    expect(rows.body.items[0]).toMatchObject({ actor: { type: 'system' }, changes: { values: 3 } });
  });

  it('A24: shows a row of a former key that was changed, since a newer key vouches for it', async () => {
    const first = await anInstallation(FIRST);
    await first.close();
    await rotate(first, { SECRET_KEY: SECOND, SECRET_KEY_OLD: FIRST });
    const second = await startTestApp({ reuse: first, env: { SECRET_KEY: SECOND! } });
    await second.nest.get(DataSource).manager.update(Operation, { seq: 2 }, { actorName: 'somebody else' });
    await second.close();
    const report = await rotate(first, { SECRET_KEY: THIRD, SECRET_KEY_OLD: SECOND });
    expect(report.chain.firstBroken).toMatchObject({ seq: 2 });
    await start(first, { SECRET_KEY: THIRD! });
  });

  it('takes back all that a dry run has done', async () => {
    const first = await anInstallation(FIRST);
    await first.close();
    const report = await rotate(first, { SECRET_KEY: SECOND, SECRET_KEY_OLD: FIRST }, { dryRun: true });
    expect(report).toMatchObject({ outcome: 'dry-run', values: 3, chain: { firstBroken: null } });
    await expectValues(await start(first, { SECRET_KEY: FIRST! }));
  });

  it('changes nothing when one value does not open, and names it', async () => {
    const first = await anInstallation(FIRST);
    const tools = first.nest.get(DataSource).manager;
    const tool = await tools.findOneByOrFail(Tool, { name: 'far' });
    await tools.update(Tool, { id: tool.id }, { headers: { Authorization: 'v1.00000000.AAAAAAAAAAAAAAAA.AAAA' } });
    await first.close();
    const failed = rotate(first, { SECRET_KEY: SECOND, SECRET_KEY_OLD: FIRST });
    await expect(failed).rejects.toThrow(`tools:${tool.id}:headers:Authorization`);
    const again = await start(first, { SECRET_KEY: FIRST! });
    expect((await again.post('/tools/local/reveal')).body).toEqual({ ...VALUES, headers: {} });
  });

  it.each([
    ['without the former key', { SECRET_KEY: SECOND }, /SECRET_KEY_OLD is missing/],
    ['with a wrong former key', { SECRET_KEY: SECOND, SECRET_KEY_OLD: THIRD }, /belongs to another SECRET_KEY/],
    ['with one key for both', { SECRET_KEY: THIRD, SECRET_KEY_OLD: THIRD }, /are the same/],
    ['without the new key', { SECRET_KEY_OLD: FIRST }, /set SECRET_KEY to the new key/],
    ['without any key', {}, /There is no key yet/],
  ])('refuses to begin %s', async (_, keys, reason) => {
    const first = await anInstallation(FIRST);
    await first.close();
    await expect(rotate(first, keys)).rejects.toThrow(reason);
    await expectValues(await start(first, { SECRET_KEY: FIRST! }));
  });

  it('refuses to work on data that an application has open', async () => {
    const first = await anInstallation(FIRST);
    started.push(first);
    await expect(rotate(first, { SECRET_KEY: SECOND, SECRET_KEY_OLD: FIRST })).rejects.toThrow(/is in use/);
    await expectValues(first);
  });

  it('does nothing a second time', async () => {
    const first = await anInstallation(FIRST);
    await first.close();
    await rotate(first, { SECRET_KEY: SECOND, SECRET_KEY_OLD: FIRST });
    expect(await rotate(first, { SECRET_KEY: SECOND, SECRET_KEY_OLD: FIRST })).toMatchObject({
      outcome: 'already-done',
    });
    await expectValues(await start(first, { SECRET_KEY: SECOND! }));
  });

  it('takes a new key although the former one is lost, destroys nothing, and lets values be given anew', async () => {
    const first = await anInstallation(FIRST);
    // It is to run at the next start, which must not be held up by it.
    await first.post('/tools/local/start');
    await first.close();
    const report = await rotate(first, { SECRET_KEY: SECOND }, { adopt: true });
    expect(report).toMatchObject({ outcome: 'adopted', values: 0, chain: { firstBroken: null } });
    expect(report.chain.unverifiable).toBe(report.chain.checked - 1);
    const second = await start(first, { SECRET_KEY: SECOND! });
    const revealed = await second.post('/tools/local/reveal');
    expect(revealed).toMatchObject({ status: 409, body: { code: 'secret_unreadable' } });
    expect((await second.patch('/tools/local', { description: 'the values stay' })).body.code).toBe(
      'secret_unreadable',
    );
    expect((await second.patch('/tools/local', { env: { API_KEY: 'given-anew', EMPTY: null } })).status).toBe(200);
    expect((await second.post('/tools/local/reveal')).body.env).toEqual({ API_KEY: 'given-anew' });
  });
});

describe('A27: a change of a generated key', () => {
  const files = (app: TestApp) =>
    ['', '.new', '.old'].map((end) => join(app.dataDir, `secret-key${end}`)) as [string, string, string];

  it('generates the new one itself and keeps the former one beside it', async () => {
    const first = await anInstallation(undefined);
    await first.close();
    const [key, next, former] = files(first);
    const before = readFileSync(key, 'utf8');
    expect(await rotate(first, {}, { dryRun: true })).toMatchObject({ outcome: 'dry-run' });
    expect([readFileSync(key, 'utf8'), existsSync(next), existsSync(former)]).toEqual([before, false, false]);
    expect(await rotate(first, {})).toMatchObject({ outcome: 'rotated', values: 3, files: { key, former } });
    expect(readFileSync(key, 'utf8')).not.toBe(before);
    expect(readFileSync(former, 'utf8')).toBe(before);
    expect(existsSync(next)).toBe(false);
    await expectValues(await start(first));
  });

  it('is finished by the next run when a crash came between the data and the files', async () => {
    const first = await anInstallation(undefined);
    await first.close();
    const [key, next, former] = files(first);
    await rotate(first, {});
    // As after a crash: the data has the new key, the files have not changed places.
    renameSync(key, next);
    renameSync(former, key);
    await expect(startTestApp({ reuse: first })).rejects.toThrow('`npm run secrets:rotate` finishes it');
    expect(await rotate(first, {})).toMatchObject({ outcome: 'finished' });
    await expectValues(await start(first));
  });

  it('does not mind a new key that an earlier try has left behind', async () => {
    const first = await anInstallation(undefined);
    await first.close();
    writeFileSync(files(first)[1], 'left behind by a crash before the data was changed');
    await expectValues(await startTestApp({ reuse: first }).then(async (app) => (await app.close(), start(first))));
    await started.splice(0)[0]?.close();
    expect(await rotate(first, {})).toMatchObject({ outcome: 'rotated' });
    await expectValues(await start(first));
  });

  it('moves from a generated key to one of your own', async () => {
    const first = await anInstallation(undefined);
    await first.close();
    expect(await rotate(first, { SECRET_KEY: SECOND })).toMatchObject({ outcome: 'rotated', files: null });
    await expectValues(await start(first, { SECRET_KEY: SECOND! }));
  });
});
