import { PrincipalRevocations, type Revocation } from '../src/auth/principal-revocations';
import { aLogin, aUser, refresh, type TestUser, USER_PASSWORD } from './support/accounts';
import { ADMIN_PASSWORD, startTestApp, type TestApp } from './support/test-app';

const OTHER_PASSWORD = 'four candles, fork handles';

describe('users', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  const codeOf = ({ status, body }: { status: number; body: any }) => ({ status, code: body.code });
  const statusOf = async (token: string) => (await app.get('/auth/me', { token })).status;

  it('are made, listed, read, changed and deleted, with a version', async () => {
    const made = await app.post('/users', { username: 'Anna', password: USER_PASSWORD, role: 'viewer' });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/api/v1/users/${made.body.id}`);
    expect(made.headers.get('etag')).toBe('"1"');
    expect(made.body).toEqual({
      ...{ id: made.body.id, username: 'Anna', role: 'viewer', disabled: false, mustChangePassword: false, version: 1 },
      ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
    });
    const read = await app.get(`/users/${made.body.id}`);
    expect({ body: read.body, etag: read.headers.get('etag') }).toEqual({ body: made.body, etag: '"1"' });
    const changed = await app.patch(`/users/${made.body.id}`, { username: 'anna.smith', role: 'operator' });
    expect(changed.body).toMatchObject({ username: 'anna.smith', role: 'operator', version: 2 });
    const same = await app.patch(`/users/${made.body.id}`, { role: 'operator' });
    expect(same.body.version).toBe(2);

    const stale = { headers: { 'if-match': '"1"' } };
    expect((await app.patch(`/users/${made.body.id}`, { role: 'viewer' }, stale)).status).toBe(412);
    expect((await app.delete(`/users/${made.body.id}`, stale)).status).toBe(412);
    const list = await app.get('/users?limit=1');
    expect(list.body).toMatchObject({ items: [{ username: 'admin' }], total: 2 });
    const rest = await app.get(`/users?cursor=${list.body.nextCursor}`);
    expect(rest.body).toMatchObject({ items: [{ username: 'anna.smith' }], nextCursor: null });
    expect((await app.delete(`/users/${made.body.id}`)).status).toBe(204);
    expect(codeOf(await app.get(`/users/${made.body.id}`))).toEqual({ status: 404, code: 'user_not_found' });
    for (const id of ['x', '%00', '0192f0c1-0000-7000-8000-000000000000']) {
      expect((await app.get(`/users/${id}`)).status).toBe(404);
      expect((await app.patch(`/users/${id}`, { role: 'viewer' })).status).toBe(404);
      expect((await app.delete(`/users/${id}`)).status).toBe(404);
    }
  });

  it('stand in the operation log with who changed what, and no password', async () => {
    const user = await aUser(app, 'viewer', 'logged');
    await app.patch(`/users/${user.id}`, { role: 'operator', password: OTHER_PASSWORD });
    await app.delete(`/users/${user.id}`);
    const { body } = await app.get(`/logs/operations?targetId=${user.id}`);
    const rows = body.items.filter((row: any) => row.action.startsWith('user.'));
    expect(rows).toMatchObject([
      { action: 'user.delete', actor: { name: 'admin' }, target: { type: 'user', name: 'logged' }, changes: null },
      {
        action: 'user.update',
        changes: { role: { before: 'viewer', after: 'operator' }, replaced: ['password'] },
      },
      { action: 'user.create', changes: { role: { after: 'viewer' }, disabled: { after: false } } },
    ]);
    const everything = JSON.stringify([body, app.log]);
    for (const secret of [USER_PASSWORD, OTHER_PASSWORD, '$argon2id']) expect(everything).not.toContain(secret);
  });

  it('A18: take no field that is not theirs to give', async () => {
    const { id } = await aUser(app, 'viewer');
    const forged = { id: 'x', version: 9, createdAt: 0, passwordHash: '$argon2id$', __proto: 1, constructor: 1 };
    for (const [field, value] of Object.entries(forged)) {
      const made = await app.post('/users', {
        username: 'forged',
        password: USER_PASSWORD,
        role: 'viewer',
        [field]: value,
      });
      expect({ field, status: made.status, path: made.body.errors?.[0].path }).toEqual({
        field,
        status: 400,
        path: field,
      });
      expect((await app.patch(`/users/${id}`, { [field]: value })).status).toBe(400);
    }
    const login = { username: 'admin', password: ADMIN_PASSWORD, role: 'admin' };
    expect((await app.post('/auth/login', login, { token: null })).status).toBe(400);
  });

  it.each([
    ['username', ''],
    ['username', 'with space'],
    ['username', 'x'.repeat(65)],
    ['username', 'a\r\nb'],
    ['password', 'short'],
    ['password', 'x'.repeat(1001)],
    ['password', 'password1234'],
    ['password', 'checked-user-1'],
    ['role', 'owner'],
    ['role', null],
    ['disabled', 'no'],
    ['mustChangePassword', null],
  ])('refuse %s %j, made or changed', async (field, value) => {
    const good = { username: 'checked-user', password: USER_PASSWORD, role: 'viewer' };
    const made = await app.post('/users', { ...good, [field]: value });
    expect({ status: made.status, path: made.body.errors?.[0].path }).toEqual({ status: 400, path: field });
    const { body } = await app.post('/users', { ...good, username: `checked-${Math.random()}` });
    const changed = await app.patch(`/users/${body.id}`, { username: 'checked-user', [field]: value });
    expect({ status: changed.status, path: changed.body.errors?.[0].path }).toEqual({ status: 400, path: field });
  });

  it('take a password of 12 characters, one of 128, and any signs', async () => {
    for (const password of [
      '12 turtles !',
      Array.from({ length: 40 }, (_, n) => `ß🐢${n}`).join(' '),
      'no/limits"on\\signs',
    ]) {
      const { body } = await app.post('/users', { username: `long-${Math.random()}`, password, role: 'viewer' });
      expect((await app.login(body.username, password)).status).toBe(200);
    }
  });

  it('share no name, in whatever case', async () => {
    await aUser(app, 'viewer', 'Twice');
    const again = { username: 'tWICE', password: USER_PASSWORD, role: 'viewer' };
    expect(codeOf(await app.post('/users', again))).toEqual({ status: 409, code: 'username_taken' });
    const other = await aUser(app, 'viewer');
    expect((await app.patch(`/users/${other.id}`, { username: 'TWICE' })).status).toBe(409);
    const both = await Promise.all(['Race', 'race'].map((username) => app.post('/users', { ...again, username })));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it.each([
    ['disabled', { disabled: true }],
    ['demoted', { role: 'viewer' }],
    ['given another password', { password: OTHER_PASSWORD }],
    ['deleted', null],
  ])('A3: that are %s are out with their next request', async (_, patch) => {
    const user = await aUser(app, 'operator');
    const heard: Revocation[] = [];
    const stop = app.nest.get(PrincipalRevocations).onRevoked((revocation) => heard.push(revocation));
    expect(await statusOf(user.token)).toBe(200);
    const answer = patch ? await app.patch(`/users/${user.id}`, patch) : await app.delete(`/users/${user.id}`);
    stop();
    expect(answer.status).toBe(patch ? 200 : 204);
    expect(await statusOf(user.token)).toBe(401);
    expect((await refresh(app, user.refreshToken)).status).toBe(401);
    expect(heard.map(({ type }) => type)).toEqual(['user', 'session']);
    expect(heard[0]?.id).toBe(user.id);
    const again = await app.login(user.username, USER_PASSWORD);
    expect(again.status).toBe(patch !== null && 'role' in patch ? 200 : 401);
  });

  it('keep their sessions when only the name changes', async () => {
    const user = await aUser(app, 'viewer');
    await app.patch(`/users/${user.id}`, { username: `${user.username}-renamed` });
    expect((await app.get('/auth/me', { token: user.token })).body.name).toBe(`${user.username}-renamed`);
  });

  it('that must change their password can do nothing else but log out and see who they are', async () => {
    const made = await app.post('/users', {
      ...{ username: 'newcomer', password: USER_PASSWORD, role: 'admin', mustChangePassword: true },
    });
    const { token, refreshToken } = await aLogin(app, 'newcomer');
    for (const path of ['/tools', '/users', '/auth/sessions', '/logs/mcp']) {
      expect(codeOf(await app.get(path, { token }))).toEqual({ status: 403, code: 'password_change_required' });
    }
    expect((await app.get('/auth/me', { token })).body.mustChangePassword).toBe(true);
    const refreshed = await refresh(app, refreshToken);
    expect(codeOf(await app.get('/tools', { token: refreshed.body.accessToken })).status).toBe(403);
    const change = { currentPassword: USER_PASSWORD, newPassword: OTHER_PASSWORD };
    expect((await app.put('/auth/password', change, { token })).status).toBe(204);
    expect((await app.get('/tools', { token })).status).toBe(200);
    expect((await app.get(`/users/${made.body.id}`)).body.mustChangePassword).toBe(false);
    await app.delete(`/users/${made.body.id}`);
  });

  it('change their own password with the current one alone, administrators too', async () => {
    const admin = await aUser(app, 'admin');
    const { token } = admin;
    const taken = await app.patch(`/users/${admin.id}`, { password: OTHER_PASSWORD }, { token });
    expect(codeOf(taken)).toEqual({ status: 409, code: 'own_password' });
    const common = { currentPassword: USER_PASSWORD, newPassword: 'password1234' };
    expect((await app.put('/auth/password', common, { token })).body.errors[0].path).toBe('newPassword');
    await app.delete(`/users/${admin.id}`);
  });
});

describe('the last administrator', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('can be neither demoted nor disabled nor deleted, whoever else there is', async () => {
    await aUser(app, 'operator');
    const disabled = await aUser(app, 'admin');
    await app.patch(`/users/${disabled.id}`, { disabled: true });
    const { id } = (await app.get('/auth/me')).body;
    for (const answer of [
      await app.patch(`/users/${id}`, { role: 'operator' }),
      await app.patch(`/users/${id}`, { disabled: true }),
      await app.delete(`/users/${id}`),
    ]) {
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 409, code: 'last_admin' });
    }
    expect((await app.get('/auth/me')).body.role).toBe('admin');
    expect((await app.patch(`/users/${id}`, { username: 'root' })).status).toBe(200);
    await app.delete(`/users/${disabled.id}`);
  });

  it('stays, also when two administrators demote, disable or delete each other at the same moment', async () => {
    // The key of a machine looks on, whoever is left.
    const { body: onlooker } = await app.post('/api-keys', { name: 'onlooker', role: 'admin' });
    Object.assign(app, { token: onlooker.key });
    const admins = async (): Promise<{ id: string }[]> =>
      (await app.get('/users?limit=500')).body.items.filter((user: any) => user.role === 'admin' && !user.disabled);
    for (const patch of [{ role: 'viewer' }, { disabled: true }, null]) {
      for (let round = 0; round < 3; round++) {
        const before = await admins();
        const pair = [await aUser(app, 'admin'), await aUser(app, 'admin')] as const;
        for (const { id } of before) await app.delete(`/users/${id}`);
        const away = ({ id }: TestUser, { token }: TestUser) =>
          patch ? app.patch(`/users/${id}`, patch, { token }) : app.delete(`/users/${id}`, { token });
        const answers = await Promise.all([away(pair[0], pair[1]), away(pair[1], pair[0])]);
        // The second one is refused as the last one, or because its session has just been ended.
        expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
        expect(answers.filter(({ status }) => status === 409 || status === 401)).toHaveLength(1);
        expect(await admins()).toHaveLength(1);
      }
    }
  });
});
