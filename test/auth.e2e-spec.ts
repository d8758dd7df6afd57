import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { hash } from '@node-rs/argon2';
import { DataSource } from 'typeorm';
import { User } from '../src/auth/user.entity';
import { SecretKeys } from '../src/config/secret-keys';
import { aUser, USER_PASSWORD } from './support/accounts';
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
    const { exp, nbf, ...claims } = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString());
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = new JwtService();
    const secret = app.nest.get(SecretKeys).accessTokens;
    const now = Math.floor(Date.now() / 1000);
    /** Signed with the right key: what is wrong is in the claims alone; the library would not sign some of them. */
    const signed = (changes: object) => {
      const body = `${parts[0]}.${part({ ...claims, exp, nbf, ...changes })}`;
      return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
    };
    expect((await app.get('/auth/me', { token: signed({}) })).status).toBe(200);
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const bySecret = (text: string | Buffer, header: object) => {
      const body = `${part({ typ: 'JWT', ...header })}.${parts[1]}`;
      return `${body}.${createHmac('sha256', text).update(body).digest('base64url')}`;
    };
    const forged: Record<string, string> = {
      'no algorithm': `${part({ alg: 'none', typ: 'JWT' })}.${parts[1]}.`,
      'no algorithm, with a signature': `${part({ alg: 'None', typ: 'JWT' })}.${parts[1]}.${parts[2]}`,
      'no signature': `${parts[0]}.${parts[1]}.`,
      'another algorithm on our signature': `${part({ alg: 'HS512', typ: 'JWT' })}.${parts[1]}.${parts[2]}`,
      'HS512 with our key': jwt.sign({ ...claims, exp, nbf }, { secret, algorithm: 'HS512' }),
      'RS256 with a key of the forger': jwt.sign(
        { ...claims, exp, nbf },
        { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }), algorithm: 'RS256' },
      ),
      'HS256 with a public key for a secret': bySecret(pem, { alg: 'HS256' }),
      'RS256 in the header, HMAC below it': bySecret(pem, { alg: 'RS256' }),
      'a guessed key': jwt.sign({ ...claims, exp, nbf }, { secret: 'guessed key'.padEnd(32, '.') }),
      'a key that the header brings along': bySecret('', { alg: 'HS256', kid: '../../../dev/null' }),
      'a key from the address in the header': bySecret('x', {
        alg: 'HS256',
        jku: 'http://127.0.0.1:1/keys',
        kid: "' OR 1=1",
      }),
      'other claims on our signature': `${parts[0]}.${part({ ...claims, sub: 'somebody else' })}.${parts[2]}`,
      expired: signed({ exp: now - 1 }),
      'no end': signed({ exp: undefined }),
      'not yet valid': signed({ nbf: now + 60 }),
      'no beginning': signed({ nbf: undefined }),
      'another audience': signed({ aud: 'mcps-one:gateway' }),
      'no audience': signed({ aud: undefined }),
      'another issuer': signed({ iss: 'https://evil.example.com' }),
      'no issuer': signed({ iss: undefined }),
      'another use': signed({ use: 'refresh' }),
      'no use': signed({ use: undefined }),
      'another session': signed({ sid: '0192f0c1-0000-7000-8000-000000000000' }),
      'the session of somebody else': signed({ sub: '0192f0c1-0000-7000-8000-000000000000' }),
      'no session': signed({ sid: undefined }),
      'a session that is no text': signed({ sid: { $ne: null } }),
    };
    for (const [what, token] of Object.entries(forged)) {
      const answer = await app.get('/auth/me', { token });
      expect({ what, status: answer.status, code: answer.body.code }).toEqual({
        what,
        status: 401,
        code: 'unauthenticated',
      });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
    }
  });

  it('hashes a password anew at the login after its parameters have changed', async () => {
    const database = app.nest.get(DataSource);
    const { username } = await aUser(app, 'viewer');
    const weak = await hash(USER_PASSWORD, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
    await database.manager.update(User, { username }, { passwordHash: weak });
    const stored = async () => (await database.manager.findOneBy(User, { username }))?.passwordHash;
    expect((await app.login(username, 'not this one')).status).toBe(401);
    expect(await stored()).toBe(weak);
    expect((await app.login(username, USER_PASSWORD)).status).toBe(200);
    expect(await stored()).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
    expect((await app.login(username, USER_PASSWORD)).status).toBe(200);
  });
});

describe('a flood of refused requests', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('leaves ten rows of an address, and the number of the others before the log is closed', async () => {
    for (let n = 0; n < 40; n++) await app.post('/tools', {}, { token: 'garbage' });
    const { body } = await app.get('/logs/operations?outcome=refused&action=tool.create&limit=500');
    expect(body.items).toHaveLength(10);
    expect(body.items[0]).toMatchObject({ actor: { type: 'anonymous' }, status: 401, changes: { method: 'POST' } });
    await app.close();
    const again = await startTestApp({ reuse: app });
    try {
      const told = await again.get('/logs/operations?action=http.refused');
      expect(told.body.items).toMatchObject([{ ip: '127.0.0.1', changes: { notRecordedBefore: 30 } }]);
    } finally {
      await again.close();
    }
  });
});
