import type { Answer, TestApp } from './test-app';
import { waitUntil } from './process-tree';
import { ADMIN_PASSWORD } from './test-app';

/** Makes a backup and waits for its end. */
export async function aBackup(app: TestApp, body: Record<string, unknown> = {}): Promise<any> {
  const { status, body: begun } = await app.post('/system/backups', body);
  if (status !== 202) throw new Error(`No backup was begun: ${JSON.stringify(begun)}`);
  return endOf(app, begun.id);
}

/** Waits until a backup is no longer being made. */
export function endOf(app: TestApp, id: string): Promise<any> {
  return waitUntil(
    async () => {
      const { body } = await app.get(`/system/backups/${id}`);
      return body.state === 'running' ? undefined : body;
    },
    { what: 'the backup to be made' },
  );
}

/** Waits until a verification has ended. */
export async function verified(app: TestApp, id: string): Promise<any> {
  const { status, body } = await app.post(`/system/backups/${id}/verify`);
  if (status !== 202) throw new Error(`No verification was begun: ${JSON.stringify(body)}`);
  return waitUntil(
    async () => {
      const { body: backup } = await app.get(`/system/backups/${id}`);
      return backup.verification?.state === 'running' ? undefined : backup;
    },
    { what: 'the verification to end' },
  );
}

/** Begins a restore, watches it to its end, and logs in again (every session has ended). */
export async function restored(app: TestApp, id: string): Promise<{ restore: any; seen: Answer[] }> {
  const { status, body } = await app.post(`/system/backups/${id}/restore`);
  if (status !== 202) throw new Error(`No restore was begun: ${JSON.stringify(body)}`);
  const seen: Answer[] = [];
  const restore = await waitUntil(
    async () => {
      const answer = await app.get(`/system/backups/${id}`);
      seen.push(answer);
      if (answer.status !== 200) throw new Error(`The restore can not be watched: ${JSON.stringify(answer.body)}`);
      return answer.body.restore?.state === 'running' ? undefined : answer.body.restore;
    },
    { timeoutMs: 90_000, what: 'the restore to end' },
  );
  await loginAgain(app);
  return { restore, seen };
}

export async function loginAgain(app: TestApp): Promise<void> {
  const { body } = await app.login('admin', ADMIN_PASSWORD);
  Object.assign(app, { token: body.accessToken });
}
