const NAME = 'mcps_refresh';
const ASSIGNMENT = new RegExp(`(?:^|;) *${NAME}=([A-Za-z0-9_-]*) *(?:;|$)`);

interface Attributes {
  /** The routes that get to see it. */
  path: string;
  /** Over https alone. */
  secure: boolean;
}

/** The Set-Cookie header (RFC 6265) that gives a refresh token to a browser, and to no script in it. */
export function refreshCookie(token: string, given: Attributes & { maxAge: number }): string {
  const secure = given.secure ? '; Secure' : '';
  return `${NAME}=${token}; Max-Age=${given.maxAge}; Path=${given.path}; HttpOnly; SameSite=Strict${secure}`;
}

/** The Set-Cookie header that takes it away again. */
export function expiredRefreshCookie(given: Attributes): string {
  return refreshCookie('', { ...given, maxAge: 0 });
}

/** The refresh token in a Cookie header; undefined: there is none. */
export function refreshTokenIn(header: string | undefined): string | undefined {
  return ASSIGNMENT.exec(header ?? '')?.[1];
}
