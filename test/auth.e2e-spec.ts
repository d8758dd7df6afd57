import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { JwtService } from '@nestjs/jwt';
import { ADMIN_PASSWORD, startTestApp, type TestApp } from './support/test-app';

const NEW_PASSWORD = 'correct horse battery staple';

describe('the first start without ADMIN_PASSWORD', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { ADMIN_PASSWORD: '', ADMIN_USERNAME: 'root.user' } });
  });
  afterAll(() => app.stop());

  it('A6: puts a random password into a file for its owner alone, and asks for another before anything else', async () => {
    const file = join(app.dataDir, 'initial-admin-password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const password = readFileSync(file, 'utf8').trim();
    expect(password.length).toBeGreaterThanOrEqual(20);
    expect(JSON.stringify(app.log)).not.toContain(password);
    expect(JSON.stringify(app.log)).toContain(file);

    const login = await app.login('root.user', password);
    expect(login.body).toMatchObject({
      tokenType: 'Bearer',
      expiresIn: 1800,
      user: { role: 'admin', mustChangePassword: true },
    });
    const token = login.body.accessToken;
    const refused = await app.get('/tools', { token });
    expect({ status: refused.status, code: refused.body.code }).toEqual({
      status: 403,
      code: 'password_change_required',
    });
    expect((await app.get('/auth/me', { token })).body).toMatchObject({ name: 'root.user', mustChangePassword: true });

    const change = { currentPassword: password, newPassword: NEW_PASSWORD };
    expect((await app.put('/auth/password', change, { token })).status).toBe(204);
    expect(existsSync(file)).toBe(false);
    expect((await app.get('/tools', { token })).status).toBe(200);
    expect((await app.get('/auth/me', { token })).body).not.toHaveProperty('mustChangePassword');
    expect((await app.login('root.user', password)).status).toBe(401);
    expect((await app.login('root.user', NEW_PASSWORD)).status).toBe(200);
  });
});

describe('logging in', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('answers the same to unknown names and wrong passwords, and keeps no password in the logs', async () => {
    const unknown = await app.login('nobody', 'some wrong password');
    const wrong = await app.login('admin', 'some wrong password');
    for (const answer of [unknown, wrong]) {
      expect(answer.status).toBe(401);
      expect({ ...answer.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
    }
    const { body } = await app.get('/logs/operations?action=auth.login');
    expect(body.items.slice(0, 2)).toMatchObject([
      { outcome: 'refused', status: 401, target: { name: 'admin' }, changes: { code: 'invalid_credentials' } },
      { outcome: 'refused', status: 401, target: { name: 'nobody' } },
    ]);
    expect(JSON.stringify([body, app.log])).not.toMatch(/some wrong password/);
  });

  it('A3: a changed password ends all other sessions at once, and keeps the own one', async () => {
    const [own, other] = [await app.login('admin', ADMIN_PASSWORD), await app.login('admin', ADMIN_PASSWORD)];
    const token = own.body.accessToken;
    const change = { currentPassword: ADMIN_PASSWORD, newPassword: NEW_PASSWORD };
    const wrong = await app.put('/auth/password', { ...change, currentPassword: 'not this one' }, { token });
    expect({ status: wrong.status, code: wrong.body.code }).toEqual({ status: 403, code: 'current_password_wrong' });
    const short = await app.put('/auth/password', { ...change, newPassword: 'short' }, { token });
    expect(short.body.errors[0].path).toBe('newPassword');
    const same = await app.put('/auth/password', { ...change, newPassword: ADMIN_PASSWORD }, { token });
    expect(same.body.errors[0].path).toBe('newPassword');
    expect((await app.put('/auth/password', change, { token })).status).toBe(204);
    expect((await app.get('/auth/me', { token })).status).toBe(200);
    expect((await app.get('/auth/me', { token: other.body.accessToken })).status).toBe(401);
    Object.assign(app, { token });
  });

  it('A1: refuses tokens that are not exactly ours', async () => {
    const parts = app.token.split('.');
    const claims = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString());
    const jwt = new JwtService();
    const secret = 'guessed key'.padEnd(32, '.');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      `${part({ alg: 'none', typ: 'JWT' })}.${parts[1]}.`,
      `${part({ alg: 'HS512', typ: 'JWT' })}.${parts[1]}.${parts[2]}`,
      `${parts[0]}.${part({ ...claims, sub: 'somebody else' })}.${parts[2]}`,
      jwt.sign(claims, { secret }),
      `${parts[0]}.${parts[1]}.`,
    ];
    for (const token of forged) expect((await app.get('/auth/me', { token })).status).toBe(401);
  });

  it('records refused tries of a flooding address without filling the log', async () => {
    for (let n = 0; n < 40; n++) await app.post('/tools', {}, { token: 'garbage' });
    const { body } = await app.get('/logs/operations?outcome=refused&action=tool.create&limit=500');
    expect(body.items.length).toBeGreaterThan(0);
    expect(body.items.length).toBeLessThanOrEqual(10);
    expect(body.items[0]).toMatchObject({ actor: { type: 'anonymous' }, status: 401, changes: { method: 'POST' } });
  });
});
