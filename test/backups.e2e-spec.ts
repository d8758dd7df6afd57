import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { aTool } from './support/a-tool';
import { aBackup, endOf, verified } from './support/backups';
import { startTestApp, type TestApp } from './support/test-app';

// Databases are made, opened and compared: seconds, where others work too.
jest.setTimeout(180_000);

let app: TestApp;

const folder = () => join(app.dataDir, 'backups');
const fileOf = (id: string) => join(folder(), `${id}.mcpsbak`);
const NO_ID = '0192f0c1-0000-7000-8000-000000000000';

async function download(id: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(`${app.origin}/api/v1/system/backups/${id}/download`, {
    method,
    headers: { authorization: `Bearer ${app.token}`, ...headers },
  });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

async function upload(bytes: Buffer, field = 'file') {
  const form = new FormData();
  form.append(field, new Blob([new Uint8Array(bytes)]), '../../evil name.mcpsbak');
  const response = await fetch(`${app.origin}/api/v1/system/backups/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.token}` },
    body: form,
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const operations = async (action: string) => (await app.get(`/logs/operations?action=${action}`)).body.items as any[];
const work = () => join(app.dataDir, 'backup-work');
const leftOvers = () => (existsSync(work()) ? readdirSync(work()) : []);

beforeAll(async () => {
  app = await startTestApp({ env: { SECRET_KEY: 'the key of this test, which is long enough' } });
  await app.post('/tools', aTool({ name: 'kept', env: { API_KEY: 'canary-in-the-backup' } }));
});

afterAll(() => app.stop());

describe('a backup', () => {
  it('B1, B2: is proven before it is listed, with its file whole and nothing else left over', async () => {
    const { status, headers, body } = await app.post('/system/backups', { note: 'before the party' });
    expect(status).toBe(202);
    expect(headers.get('content-type')).toContain('application/json');
    expect(body).toMatchObject({ state: 'running', trigger: 'manual', note: 'before the party', sizeBytes: null });
    const backup = await endOf(app, body.id);
    expect(backup).toMatchObject({
      ...{ state: 'completed', progress: 1, error: null, encrypted: true, keyAvailable: true, includesLogs: true },
      ...{ databaseType: globalThis.TEST_DATABASE, restore: null },
      schemaVersion: expect.stringMatching(/^[A-Z]\w+\d{13}$/),
      verification: { state: 'passed', error: null },
      verifiedAt: expect.any(String),
    });
    const bytes = readFileSync(fileOf(body.id));
    expect(backup.sizeBytes).toBe(bytes.length);
    expect(backup.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(statSync(fileOf(body.id)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder()).sort()).toEqual([`${body.id}.json`, `${body.id}.mcpsbak`]);
    expect(leftOvers()).toEqual([]);
    expect((await operations('backup.create'))[0]).toMatchObject({
      ...{ outcome: 'success', actor: { name: 'admin' }, target: { type: 'backup', id: body.id } },
    });
  });

  it('B14: tells how long it took to make and to prove, and the health in detail sums that up', async () => {
    const backup = await verified(app, (await aBackup(app)).id);
    expect(backup.durationMs).toBeGreaterThan(0);
    expect(backup.verification.durationMs).toBeGreaterThan(0);
    const { body } = await app.get('/system/health');
    expect(body.details.backup).toMatchObject({
      ...{ status: 'up', newestVerifiedAt: backup.createdAt, intervalSeconds: 86_400, warning: null },
      ageSeconds: expect.any(Number),
      restoreSeconds: expect.any(Number),
    });
  });

  it('is listed newest first, in pages', async () => {
    while ((await app.get('/system/backups')).body.total < 3) await aBackup(app);
    const { body } = await app.get('/system/backups');
    const ids = body.items.map(({ id }: any) => id);
    expect(ids).toEqual([...ids].sort().reverse());
    const first = await app.get('/system/backups?limit=2');
    const second = await app.get(`/system/backups?limit=2&cursor=${first.body.nextCursor}`);
    expect([...first.body.items, ...second.body.items].map(({ id }: any) => id)).toEqual(ids.slice(0, 4));
    expect((await app.get('/system/backups?cursor=rubbish')).status).toBe(400);
  });

  it('F62, B9: is made one at a time: a second request at once is refused', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => app.post('/system/backups')));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('backup_busy');
    const begun = answers.find(({ status }) => status === 202);
    expect((await app.post(`/system/backups/${begun?.body.id}/restore`)).status).toBe(409);
    expect((await app.delete(`/system/backups/${begun?.body.id}`)).status).toBe(409);
    await endOf(app, begun?.body.id);
  });

  it('B12: is encrypted at rest: nothing of the data, in clear or packed, is in its file', async () => {
    const { id } = await aBackup(app);
    const bytes = readFileSync(fileOf(id));
    const found = ['canary-in-the-backup', 'SQLite format 3', 'PGDMP', 'password_hash'].filter((text) =>
      bytes.includes(text),
    );
    expect(found).toEqual([]);
  });

  it('can leave the logs out', async () => {
    await app.put('/system/config', { 'backup.includeLogs': false });
    const without = await aBackup(app);
    await app.put('/system/config', { 'backup.includeLogs': null });
    expect([without.includesLogs, without.state]).toEqual([false, 'completed']);
    expect((await verified(app, without.id)).verification.state).toBe('passed');
  });

  it('refuses what is no backup, and bodies and queries that it does not know', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/verify'],
      ['POST', '/restore'],
      ['GET', '/download'],
    ] as const) {
      const { status, body } = await app.request(method, `/system/backups/${NO_ID}${path}`);
      expect([status, body.code]).toEqual([404, 'backup_not_found']);
    }
    expect((await app.post('/system/backups', { path: '/tmp' })).status).toBe(400);
    expect((await app.post('/system/backups', { note: 'x'.repeat(501) })).status).toBe(400);
    expect((await app.get('/system/backups?path=x')).status).toBe(400);
  });

  it('A16: is named by its id alone: no path leads anywhere', async () => {
    writeFileSync(join(app.dataDir, 'secret.mcpsbak'), 'secret');
    for (const id of [
      '../secret',
      '..%2fsecret',
      '%2e%2e%2fsecret',
      '..%5csecret',
      '%2Fetc%2Fpasswd',
      `${NO_ID}%00`,
      'x'.repeat(150),
      'key-ring',
    ]) {
      for (const [method, path] of [
        ['GET', `/system/backups/${id}`],
        ['GET', `/system/backups/${id}/download`],
        ['POST', `/system/backups/${id}/restore`],
        ['DELETE', `/system/backups/${id}`],
      ] as const) {
        const { status } = await app.request(method, path);
        expect([400, 404]).toContain(status);
      }
    }
    expect(existsSync(join(app.dataDir, 'secret.mcpsbak'))).toBe(true);
  });
});

describe('a verification', () => {
  it('finds that a file was changed, is cut, gone, or a link, each with its own code', async () => {
    const { id } = await aBackup(app);
    const whole = readFileSync(fileOf(id));
    const codeOf = async () => (await verified(app, id)).verification;
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(whole.length - 100) ^ 1, whole.length - 100);
    writeFileSync(fileOf(id), changed);
    expect(await codeOf()).toMatchObject({ state: 'failed', error: { code: 'backup_corrupt' } });
    truncateSync(fileOf(id), whole.length - 200);
    expect((await codeOf()).error.code).toBe('backup_truncated');
    unlinkSync(fileOf(id));
    expect((await codeOf()).error.code).toBe('backup_file_missing');
    const elsewhere = join(app.dataDir, 'elsewhere');
    writeFileSync(elsewhere, whole);
    symlinkSync(elsewhere, fileOf(id));
    expect((await codeOf()).error.code).toBe('backup_not_a_file');
    const { body } = await app.get('/system/health');
    expect(body.details.backup.warning).toBe('The newest backup is not good any more: make another one');
    unlinkSync(fileOf(id));
    writeFileSync(fileOf(id), whole);
    expect(await codeOf()).toMatchObject({ state: 'passed', error: null });
    expect((await operations('backup.verify')).length).toBeGreaterThan(0);
    expect(leftOvers()).toEqual([]);
  });
});

describe('a download (B13)', () => {
  it('gives the whole file, named, and writes down who took it', async () => {
    const { id, sizeBytes, sha256 } = await aBackup(app);
    const { status, headers, bytes } = await download(id);
    expect([status, bytes.length]).toEqual([200, sizeBytes]);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="mcps-[\dT-]+-[\da-f-]{36}\.mcpsbak"$/);
    expect(headers.get('content-length')).toBe(String(sizeBytes));
    expect(headers.get('accept-ranges')).toBe('bytes');
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await operations('backup.download'))[0]).toMatchObject({ outcome: 'success', target: { id } });
  });

  it('gives ranges of it, so that it can be continued', async () => {
    const { id, sizeBytes, sha256 } = await aBackup(app);
    const etag = `"${sha256}"`;
    const whole = readFileSync(fileOf(id));
    const first = await download(id, { range: 'bytes=0-999' });
    expect([first.status, first.headers.get('content-range')]).toEqual([206, `bytes 0-999/${sizeBytes}`]);
    const rest = await download(id, { range: 'bytes=1000-', 'if-range': etag });
    expect(Buffer.concat([first.bytes, rest.bytes]).equals(whole)).toBe(true);
    expect((await download(id, { range: 'bytes=-10' })).bytes.equals(whole.subarray(-10))).toBe(true);
    // Of another file than the one that was begun: all of it.
    expect((await download(id, { range: 'bytes=1000-', 'if-range': '"other"' })).status).toBe(200);
    const beyond = await download(id, { range: `bytes=${sizeBytes}-` });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${sizeBytes}`]);
  });

  it('of a file that is gone or another one says so', async () => {
    const { id } = await aBackup(app);
    truncateSync(fileOf(id), 10);
    expect(JSON.parse((await download(id)).bytes.toString())).toMatchObject({ status: 422, code: 'backup_changed' });
    unlinkSync(fileOf(id));
    expect(JSON.parse((await download(id)).bytes.toString())).toMatchObject({
      status: 422,
      code: 'backup_file_missing',
    });
    await app.delete(`/system/backups/${id}`);
  });
});

describe('an upload (B13)', () => {
  it('is proven, listed, and can be used as any other', async () => {
    const { id, sha256, createdAt } = await aBackup(app, { note: 'travels' });
    const bytes = readFileSync(fileOf(id));
    expect((await upload(bytes)).body).toMatchObject({ status: 409, code: 'backup_exists' });
    await app.delete(`/system/backups/${id}`);
    const { status, headers, body } = await upload(bytes);
    expect([status, headers.get('location')]).toEqual([201, `/api/v1/system/backups/${id}`]);
    expect(body).toMatchObject({ id, trigger: 'upload', state: 'completed', sha256, createdAt, note: 'travels' });
    expect((await verified(app, id)).verification.state).toBe('passed');
    expect((await operations('backup.upload'))[0]).toMatchObject({ outcome: 'success', target: { id } });
  });

  it('F61: of what is no sound backup is refused with a code, and leaves nothing', async () => {
    const { id } = await aBackup(app);
    const whole = readFileSync(fileOf(id));
    await app.delete(`/system/backups/${id}`);
    const before = readdirSync(folder()).sort();
    const bent = Buffer.from(whole);
    bent.writeUInt8(bent.readUInt8(bent.length - 50) ^ 1, bent.length - 50);
    const newer = Buffer.from(whole);
    newer.write('7', 7);
    for (const [bytes, code] of [
      [Buffer.from('SQLite format 3\0'), 'backup_foreign'],
      [gzipSync('a bomb'), 'backup_foreign'],
      [Buffer.alloc(0), 'backup_truncated'],
      [whole.subarray(0, -10), 'backup_truncated'],
      [Buffer.concat([whole, Buffer.from('x')]), 'backup_trailing_data'],
      [bent, 'backup_corrupt'],
      [newer, 'backup_format_newer'],
    ] as const) {
      const { status, body } = await upload(bytes);
      expect([status, body.code]).toEqual([422, code]);
    }
    expect(readdirSync(folder()).sort()).toEqual(before);
    expect(leftOvers()).toEqual([]);
    expect((await operations('backup.upload'))[0]).toMatchObject({ outcome: 'failure' });
  });

  it('takes one file in a form and nothing else', async () => {
    expect((await upload(Buffer.from('x'), 'other')).status).toBe(400);
    const bare = await app.request('POST', '/system/backups/upload');
    expect([bare.status, bare.body.code]).toEqual([415, 'unsupported_media_type']);
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const torn = ['a=b', '', '--x\r\n', '--x\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n'];
    for (const raw of torn) {
      const answer = await app.request('POST', '/system/backups/upload', { raw, headers });
      expect([raw, answer.status]).toEqual([raw, 400]);
    }
    const form = new FormData();
    form.append('file', new Blob(['x']), 'x');
    for (const path of ['/tools', '/system/backups']) {
      const response = await fetch(`${app.origin}/api/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${app.token}` },
        body: form,
      });
      expect(response.status).toBe(415);
    }
  });
});

describe('the stream of events', () => {
  it('tells how far a backup is, and that it is done', async () => {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), 60_000);
    const response = await fetch(`${app.origin}/api/v1/events?types=backup`, {
      headers: { authorization: `Bearer ${app.token}` },
      signal: stop.signal,
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { id } = await aBackup(app);
    let text = '';
    while (!new RegExp(`"id":"${id}"[^\\n]*"state":"completed"`).test(text)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The stream has ended: ${text}`);
      text += Buffer.from(value).toString();
    }
    expect(text).toContain('event: backup');
    clearTimeout(limit);
    stop.abort();
  });
});

describe('a deletion', () => {
  it('takes file and manifest away, and is written down', async () => {
    const { id } = await aBackup(app);
    expect((await app.delete(`/system/backups/${id}`)).status).toBe(204);
    expect((await app.get(`/system/backups/${id}`)).status).toBe(404);
    expect(readdirSync(folder()).filter((name) => name.startsWith(id))).toEqual([]);
    expect((await operations('backup.delete'))[0]).toMatchObject({ outcome: 'success', target: { id } });
  });
});

describe('a job that can not be done', () => {
  it('F62, B8: fails alone where the folder is gone, and works again when it is back', async () => {
    renameSync(folder(), `${folder()}-gone`);
    const failed = await aBackup(app);
    expect(failed).toMatchObject({ state: 'failed', sizeBytes: null, error: { code: 'backup_dir_missing' } });
    // A disk that is not mounted must not be written beside.
    expect(existsSync(folder())).toBe(false);
    expect((await app.get('/tools')).status).toBe(200);
    expect((await operations('backup.create'))[0]).toMatchObject({
      ...{ outcome: 'failure', changes: { code: 'backup_dir_missing' }, target: { id: failed.id } },
    });
    renameSync(`${folder()}-gone`, folder());
    expect((await aBackup(app)).state).toBe('completed');
  });

  it('B8: fails alone where something stands in the way of a file', async () => {
    const before = (await app.get('/system/backups')).body.items.map(({ id }: any) => id);
    // Work is done in a folder of DATA_DIR: a file in its place lets every job fail.
    renameSync(work(), `${work()}-aside`);
    writeFileSync(work(), 'in the way');
    const failed = await aBackup(app);
    unlinkSync(work());
    renameSync(`${work()}-aside`, work());
    expect(failed.state).toBe('failed');
    const after = (await app.get('/system/backups')).body.items.map(({ id }: any) => id);
    expect(after).toEqual([failed.id, ...before]);
  });
});

describe('the catalogue', () => {
  it('B2: is read anew from the folder; what is half, foreign or forged in it is passed over', async () => {
    const good = await aBackup(app);
    const listed = (await app.get('/system/backups')).body.items.filter(({ state }: any) => state === 'completed');
    const stray = randomUUID();
    writeFileSync(join(folder(), `${stray}.mcpsbak`), 'no manifest');
    writeFileSync(join(folder(), `${NO_ID}.mcpsbak.tmp`), 'half');
    writeFileSync(join(folder(), `${NO_ID}.json`), readFileSync(join(folder(), `${good.id}.json`)));
    writeFileSync(join(folder(), 'notes.txt'), 'of a person');
    mkdirSync(join(folder(), 'a-folder'));
    await app.close();
    app = await startTestApp({ reuse: app, env: { SECRET_KEY: 'the key of this test, which is long enough' } });
    const again = (await app.get('/system/backups')).body.items.filter(({ state }: any) => state === 'completed');
    expect(again.map(({ id, sha256 }: any) => [id, sha256])).toEqual(listed.map(({ id, sha256 }: any) => [id, sha256]));
    const names = readdirSync(folder());
    expect(names).toContain(`${stray}.mcpsbak`);
    expect(names).toContain('notes.txt');
    expect(names).not.toContain(`${NO_ID}.mcpsbak.tmp`);
    expect(app.log.some(({ message, data }) => /manifest/.test(message) && data?.['id'] === NO_ID)).toBe(true);
  });

  it('B12: names the backups whose key is lost, and refuses them with the id of the key', async () => {
    const { body } = await app.get('/system/backups');
    const target = body.items.find(({ state }: any) => state === 'completed');
    const file = join(folder(), `${target.id}.json`);
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    manifest.header.keyId = 'ffffffff';
    writeFileSync(file, JSON.stringify(manifest));
    await app.close();
    app = await startTestApp({ reuse: app, env: { SECRET_KEY: 'the key of this test, which is long enough' } });
    expect((await app.get(`/system/backups/${target.id}`)).body).toMatchObject({
      keyId: 'ffffffff',
      keyAvailable: false,
    });
    const refused = await app.post(`/system/backups/${target.id}/restore`);
    expect([refused.status, refused.body.code]).toEqual([422, 'backup_wrong_key']);
    expect(app.log.some(({ level, message }) => level === 'warn' && /SECRET_KEY that is not here/.test(message))).toBe(
      true,
    );
  });
});
