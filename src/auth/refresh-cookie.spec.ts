import { expiredRefreshCookie, refreshCookie, refreshTokenIn } from './refresh-cookie';

const PATH = '/api/v1/auth';

describe('the refresh cookie', () => {
  it('is for the routes of the login alone, for no script and for no other site', () => {
    expect(refreshCookie('abc', { path: PATH, secure: false, maxAge: 60 })).toBe(
      'mcps_refresh=abc; Max-Age=60; Path=/api/v1/auth; HttpOnly; SameSite=Strict',
    );
  });

  it('goes over https alone where it came by https', () => {
    expect(refreshCookie('abc', { path: PATH, secure: true, maxAge: 60 })).toMatch(/; Secure$/);
  });

  it('is taken away by one of the same path that is over', () => {
    expect(expiredRefreshCookie({ path: PATH, secure: false })).toMatch(/^mcps_refresh=; Max-Age=0; Path=.*auth;/);
  });

  it.each([
    ['mcps_refresh=abc_-9', 'abc_-9'],
    ['a=b; mcps_refresh=abc; c=d', 'abc'],
    ['a=b;mcps_refresh=abc', 'abc'],
    ['xmcps_refresh=abc', undefined],
    ['a="; mcps_refresh=abc"', undefined],
    ['mcps_refresh="abc"', undefined],
    ['mcps_refresh=a b', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('is read from %j as %j', (header, token) => {
    expect(refreshTokenIn(header)).toBe(token);
  });
});
