import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BackupCheckpoints } from '../src/backup/backup-checkpoints';
import { aTool } from './support/a-tool';
import { aKey, aLogin, aUser, refresh } from './support/accounts';
import { aBackup, endOf, loginAgain, restored } from './support/backups';
import { describeOn } from './support/describe-on';
import { waitUntil } from './support/process-tree';
import { type Answer, startTestApp, type TestApp } from './support/test-app';

// Each restore takes several seconds where others work too.
jest.setTimeout(180_000);

let app: TestApp;

const toolNames = async () => (await app.get('/tools?limit=500')).body.items.map(({ name }: any) => name).sort();
const stateOf = async (tool: string) => (await app.get(`/tools/${tool}/status`)).body.state;
const running = (tool: string) => waitUntil(async () => (await stateOf(tool)) === 'running', { what: `${tool} runs` });
const operations = async (query = '') => (await app.get(`/logs/operations?limit=100${query}`)).body.items as any[];

beforeEach(async () => {
  app = await startTestApp();
});

afterEach(() => app.stop());

describe('a restore', () => {
  it('B5, B7: brings the old data back, leaves a safety backup with which it is undone, and keeps the catalogue', async () => {
    await app.post('/tools', aTool({ name: 'before' }));
    await app.put('/system/config', { 'logs.mcpRetentionDays': 3 });
    const backup = await aBackup(app);
    await app.delete('/tools/before');
    await app.post('/tools', aTool({ name: 'after' }));
    await app.put('/system/config', { 'logs.mcpRetentionDays': 9 });

    const { restore, seen } = await restored(app, backup.id);
    expect(restore).toMatchObject({
      ...{ state: 'completed', error: null, progress: 1, safetyBackupId: expect.any(String) },
      durationMs: expect.any(Number),
      downtimeMs: expect.any(Number),
    });
    expect(seen.every(({ status }) => status === 200)).toBe(true);
    expect(await toolNames()).toEqual(['before']);
    expect((await app.get('/system/config')).body['logs.mcpRetentionDays'].value).toBe(3);
    const listed = (await app.get('/system/backups')).body.items;
    expect(listed.map(({ id, trigger }: any) => [id, trigger])).toEqual([
      [restore.safetyBackupId, 'pre-restore'],
      [backup.id, 'manual'],
    ]);
    // The row of the restore is in the data that was restored, and its chain of hashes holds.
    const [row] = await operations('&action=backup.restore');
    expect(row).toMatchObject({ outcome: 'success', actor: { name: 'admin' }, target: { id: backup.id } });
    expect((await app.get('/logs/operations/verify')).body).toMatchObject({ valid: true });
    expect(readdirSync(app.dataDir)).not.toContain('restore.json');
    expect(readdirSync(join(app.dataDir, 'backup-work'))).toEqual([]);

    const undone = await restored(app, restore.safetyBackupId);
    expect(undone.restore.state).toBe('completed');
    expect(await toolNames()).toEqual(['after']);
    expect((await app.get('/system/config')).body['logs.mcpRetentionDays'].value).toBe(9);
    expect((await app.get('/logs/operations/verify')).body).toMatchObject({ valid: true });
  });

  it('ends all sessions: neither those of the backup nor those of before it come to life', async () => {
    const gone = await aUser(app, 'admin', 'gone');
    const stays = await aUser(app, 'operator', 'stays');
    const key = await aKey(app, { role: 'viewer', name: 'kept' });
    const revoked = await aKey(app, { role: 'viewer', name: 'revoked' });
    const backup = await aBackup(app);
    await app.delete(`/users/${gone.id}`);
    await app.delete(`/api-keys/${revoked.id}`);
    const later = await aLogin(app, 'stays');
    const made = await aUser(app, 'viewer', 'made-later');
    const adminToken = app.token;
    await restored(app, backup.id);
    for (const { token, refreshToken } of [gone, stays, later, made]) {
      expect((await app.get('/auth/me', { token })).status).toBe(401);
      expect((await refresh(app, refreshToken)).status).toBe(401);
    }
    // Who asked may see what became of it, and nothing else.
    expect((await app.get(`/system/backups/${backup.id}`, { token: adminToken })).status).toBe(200);
    expect((await app.get('/system/backups', { token: adminToken })).status).toBe(401);
    expect((await app.get('/auth/me', { token: key.key })).status).toBe(200);
    expect((await app.login('made-later', 'turtles all the way down')).status).toBe(401);
    // Whoever can come in again because of the restore is named.
    const [row] = await operations('&action=backup.restore');
    expect(row.changes).toMatchObject({ revivedUsers: ['gone'], revivedApiKeys: ['revoked'] });
  });

  it('B4: that fails at any of its points leaves the old data whole and the service open', async () => {
    await app.post('/tools', aTool({ name: 'in-the-backup' }));
    const backup = await aBackup(app);
    await app.delete('/tools/in-the-backup');
    await app.post('/tools', aTool({ name: 'live' }));
    await app.post('/tools/live/start');
    const checkpoints = app.nest.get(BackupCheckpoints);
    const points = ['staged', 'closed', 'safe', 'journaled', 'half-swapped', 'swapped'].map(
      (name) => `restore.${name}`,
    );
    for (const [index, point] of points.entries()) {
      checkpoints.reached = (reached) =>
        reached === point ? Promise.reject(new Error(`deliberate at ${point}`)) : Promise.resolve();
      await app.post(`/system/backups/${backup.id}/restore`);
      const restore = await waitUntil(
        async () => {
          const { body } = await app.get(`/system/backups/${backup.id}`);
          return body.restore?.state === 'failed' && body.restore;
        },
        { what: `the restore to fail at ${point}` },
      );
      expect(restore).toMatchObject({ error: { code: 'unexpected' } });
      // The sessions are those of before, and so is all else.
      expect(await toolNames()).toEqual(['live']);
      await running('live');
      const rows = (await operations('&action=backup.restore')).map(({ outcome }) => outcome);
      expect(rows).toEqual(Array.from({ length: index + 1 }, () => ['failure', 'success']).flat());
      expect((await app.get('/logs/operations/verify')).body).toMatchObject({ valid: true });
      expect(readdirSync(app.dataDir)).not.toContain('restore.json');
      expect(readdirSync(join(app.dataDir, 'backup-work'))).toEqual([]);
    }
    checkpoints.reached = () => Promise.resolve();
    expect((await restored(app, backup.id)).restore.state).toBe('completed');
    expect(await toolNames()).toEqual(['in-the-backup']);
  });

  it('F60: under load answers nothing but 200 and the 503 of the maintenance, and for a few seconds only', async () => {
    await app.post('/tools', aTool({ name: 'busy' }));
    await app.post('/tools/busy/start');
    const backup = await aBackup(app);
    const odd: Answer[] = [];
    let [isOver, served] = [false, 0];
    const load = Array.from({ length: 4 }, async (_, index) => {
      while (!isOver) {
        const token = app.token;
        const answer =
          index === 0
            ? await app.post('/tools/busy/call', { name: 'echo', arguments: { text: 'x' } }, { token })
            : index === 1
              ? await app.put('/system/config', { 'logs.mcpRetentionDays': 5 + (served % 5) }, { token })
              : await app.get('/logs/operations?limit=5', { token });
        served++;
        // 401: the sessions have ended. 409, 502, 504: of calls to a tool that is down by then.
        if (![200, 401, 409, 502].includes(answer.status) && answer.body.code !== 'maintenance') odd.push(answer);
        await pause(5);
      }
    });
    await pause(300);
    const { restore } = await restored(app, backup.id);
    await running('busy');
    isOver = true;
    await Promise.all(load);
    expect(restore.state).toBe('completed');
    // Two seconds where nothing else works.
    expect(restore.downtimeMs).toBeLessThan(30_000);
    expect(odd.map(({ status, body }) => [status, body.code, body.detail])).toEqual([]);
    expect(served).toBeGreaterThan(20);
    expect((await app.get('/logs/operations/verify')).body).toMatchObject({ valid: true });
  });

  it('without logs in it leaves those that are live', async () => {
    await app.post('/tools', aTool({ name: 'talks' }));
    await app.post('/tools/talks/start');
    await app.put('/system/config', { 'backup.includeLogs': false });
    const backup = await aBackup(app);
    await app.post('/tools/talks/call', { name: 'echo', arguments: { text: 'after the backup' } });
    const before = (await app.get('/logs/mcp?method=tools/call')).body.items.map(({ id }: any) => id);
    expect(before).toHaveLength(2);
    expect((await restored(app, backup.id)).restore.state).toBe('completed');
    expect((await app.get('/logs/mcp?method=tools/call')).body.items.map(({ id }: any) => id)).toEqual(before);
    await running('talks');
    await app.post('/tools/talks/call', { name: 'echo', arguments: { text: 'after the restore' } });
    await waitUntil(async () => (await app.get('/logs/mcp?method=tools/call')).body.items.length === 4, {
      what: 'the next call to be recorded',
    });
  });

  it('survives a stop in its middle: the next start has the old data or the new', async () => {
    await app.post('/tools', aTool({ name: 'there' }));
    const backup = await aBackup(app);
    await app.post(`/system/backups/${backup.id}/restore`);
    await app.close();
    app = await startTestApp({ reuse: app });
    expect(await toolNames()).toEqual(['there']);
    expect(existsSync(join(app.dataDir, 'restore.json'))).toBe(false);
    expect((await endOf(app, backup.id)).state).toBe('completed');
  });
});

// The same on both databases: once is enough.
describeOn('sqlite', 'a restore, whatever the database', () => {
  it('stops all tools and starts those that the restored data wants to run', async () => {
    await app.post('/tools', aTool({ name: 'wanted' }));
    await app.post('/tools/wanted/start');
    const backup = await aBackup(app);
    const { pid } = (await app.get('/tools/wanted/status')).body;
    await app.post('/tools/wanted/stop');
    await app.post('/tools', aTool({ name: 'late' }));
    await app.post('/tools/late/start');
    const late = (await app.get('/tools/late/status')).body.pid;
    expect((await restored(app, backup.id)).restore.state).toBe('completed');
    await running('wanted');
    expect((await app.get('/tools/wanted/status')).body.pid).not.toBe(pid);
    expect(() => process.kill(late, 0)).toThrow();
    expect(await toolNames()).toEqual(['wanted']);
    // The recorder goes on where the restored log ends.
    expect((await app.post('/tools/wanted/call', { name: 'echo', arguments: { text: 'hi' } })).status).toBe(200);
    const messages = await waitUntil(
      async () => {
        const { body } = await app.get('/logs/mcp?method=tools/call');
        return body.items.length >= 2 && body.items;
      },
      { what: 'the call to be recorded' },
    );
    expect(messages).toHaveLength(2);
  });

  it('closes the service meanwhile: 503 with Retry-After, probes go on, and whoever asked can watch', async () => {
    const viewer = await aUser(app, 'viewer');
    const backup = await aBackup(app);
    const checkpoints = app.nest.get(BackupCheckpoints);
    let release: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      checkpoints.reached = async (point) => {
        if (point !== 'restore.closed') return;
        resolve();
        await new Promise<void>((go) => (release = go));
      };
    });
    await app.post(`/system/backups/${backup.id}/restore`);
    await closed;
    const refused = await app.get('/tools');
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'maintenance', '5']);
    expect((await app.post('/auth/login', { username: 'admin', password: 'x' })).status).toBe(503);
    expect((await app.get('/system/backups')).status).toBe(503);
    expect((await app.get(`/system/backups/${backup.id}`, { token: viewer.token })).status).toBe(503);
    // The gateway stands in front of the routes, and is closed as well.
    expect((await app.post('//mcp', { jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(503);
    expect((await app.get('//health/live')).status).toBe(200);
    expect((await app.get('//health/ready')).status).toBe(503);
    const watched = await app.get(`/system/backups/${backup.id}`);
    expect(watched.body.restore).toMatchObject({ state: 'running', phase: 'closing', error: null });
    release();
    await waitUntil(async () => (await app.get(`/system/backups/${backup.id}`)).body.restore.state === 'completed', {
      what: 'the restore to end',
    });
    await loginAgain(app);
    expect((await app.get('//health/ready')).status).toBe(200);
    expect((await app.get('/tools')).status).toBe(200);
  });

  it('B6: of a file that has become bad refuses it before the service is closed', async () => {
    const backup = await aBackup(app);
    const file = join(app.dataDir, 'backups', `${backup.id}.mcpsbak`);
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 30) ^ 1, bytes.length - 30);
    writeFileSync(file, bytes);
    const answers: Answer[] = [];
    await app.post(`/system/backups/${backup.id}/restore`);
    await waitUntil(
      async () => {
        answers.push(await app.get('/tools'));
        return (await app.get(`/system/backups/${backup.id}`)).body.restore?.state === 'failed';
      },
      { what: 'the restore to be refused' },
    );
    const { restore } = (await app.get(`/system/backups/${backup.id}`)).body;
    expect(restore).toMatchObject({ error: { code: 'backup_corrupt' }, safetyBackupId: null, downtimeMs: null });
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect((await app.get('/system/backups')).body.total).toBe(1);
  });
});
