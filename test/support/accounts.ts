import type { Answer, TestApp } from './test-app';

export const USER_PASSWORD = 'turtles all the way down';

export interface TestUser {
  id: string;
  username: string;
  /** Access token of a login. */
  token: string;
  /** Refresh token of the same login. */
  refreshToken: string;
}

let made = 0;

/** A user with a login. */
export async function aUser(app: TestApp, role: string, username = `${role}-${++made}`): Promise<TestUser> {
  const { status, body } = await app.post('/users', { username, password: USER_PASSWORD, role });
  if (status !== 201) throw new Error(`No user was made: ${JSON.stringify(body)}`);
  return { id: body.id, username, ...(await aLogin(app, username)) };
}

/** Another login of a user. */
export async function aLogin(
  app: TestApp,
  username: string,
  password = USER_PASSWORD,
): Promise<{ token: string; refreshToken: string }> {
  const answer = await app.login(username, password);
  if (answer.status !== 200) throw new Error(`No login: ${JSON.stringify(answer.body)}`);
  return { token: answer.body.accessToken, refreshToken: refreshTokenOf(answer) ?? '' };
}

export async function aKey(
  app: TestApp,
  given: { role: string } & Record<string, unknown>,
): Promise<{ id: string; key: string }> {
  const { status, body } = await app.post('/api-keys', { name: `key ${++made}`, ...given });
  if (status !== 201) throw new Error(`No key was made: ${JSON.stringify(body)}`);
  return { id: body.id, key: body.key };
}

/** What a Set-Cookie header gives as the refresh token; empty: takes it away; undefined: there is none. */
export function refreshTokenOf(answer: Answer): string | undefined {
  return /mcps_refresh=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1];
}

/** A refresh as a browser sends it. */
export function refresh(app: TestApp, refreshToken: string, headers: Record<string, string> = {}): Promise<Answer> {
  const sent = { 'content-type': 'application/json', cookie: `mcps_refresh=${refreshToken}`, ...headers };
  return app.request('POST', '/auth/refresh', { token: null, headers: sent });
}
