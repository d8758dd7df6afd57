import { endOfFailure, endOfForeignAnswer, endOfSilence, endOfStatus } from './remote-errors';
import { TransportError } from './transport.types';

/** What `fetch` throws: a TypeError whose cause has the code. */
function fetchFailure(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
}

describe('endOfStatus', () => {
  const answer = { contentType: 'text/plain', bodyHead: '', hadSession: false };

  it.each([
    [400, 'remote_http_error'],
    [401, 'remote_unauthorized'],
    [403, 'remote_forbidden'],
    [404, 'remote_not_found'],
    [405, 'remote_http_error'],
    [408, 'remote_timeout'],
    [418, 'remote_http_error'],
    [429, 'remote_rate_limited'],
    [500, 'remote_server_error'],
    [502, 'remote_gateway_error'],
    [503, 'remote_server_error'],
    [504, 'remote_gateway_error'],
    [304, 'remote_http_error'],
  ])('F41: calls HTTP %i %s', (status, code) => {
    expect(endOfStatus({ ...answer, status })).toMatchObject({ code, status });
  });

  it('tells a lost session from an unknown address', () => {
    expect(endOfStatus({ ...answer, status: 404, hadSession: true }).code).toBe('remote_session_lost');
  });

  it('quotes the beginning of a text on one line, but no HTML', () => {
    const bodyHead = `no\n  tokens ${'x'.repeat(500)}`;
    const { message } = endOfStatus({ ...answer, status: 400, bodyHead });
    expect(message).toMatch(/^The server answered HTTP 400: no tokens x+$/);
    expect(message.length).toBeLessThan(250);
    expect(endOfStatus({ ...answer, status: 502, contentType: 'text/html', bodyHead: '<html>' }).message).toBe(
      'The server is a proxy that got no answer from the one behind it (HTTP 502)',
    );
  });
});

describe('endOfStatus with Retry-After', () => {
  const answer = { contentType: null, bodyHead: '', hadSession: false };

  it('F41: says when it may be asked again', () => {
    const told = (status: number, retryAfter: string) => endOfStatus({ ...answer, status, retryAfter }).message;
    expect(told(429, '120')).toBe('The server asks to slow down (HTTP 429); it may be asked again in 120 s');
    expect(told(429, 'Fri, 02 Jan 2026 03:04:05 GMT')).toContain('asked again at 2026-01-02T03:04:05.000Z');
    expect(told(503, '5')).toBe('The server failed (HTTP 503); it may be asked again in 5 s');
    expect(told(429, '<script>')).toBe('The server asks to slow down (HTTP 429)');
    expect(told(500, '5')).toBe('The server failed (HTTP 500)');
  });
});

describe('endOfSilence', () => {
  it('F42: tells a server that never answers from one that does not finish', () => {
    expect(endOfSilence([])).toBeNull();
    expect(endOfSilence([{ responded: false }])?.code).toBe('remote_timeout');
    expect(endOfSilence([{ responded: false }, { responded: true }])?.code).toBe('remote_stalled');
  });
});

describe('endOfForeignAnswer', () => {
  it('names the content type', () => {
    const end = endOfForeignAnswer({ status: 200, contentType: 'text/html', bodyHead: '<html>', hadSession: false });
    expect(end).toEqual({
      code: 'remote_not_mcp',
      message: 'The server answered HTTP 200 with text/html, which is no MCP',
      status: 200,
    });
  });
});

describe('endOfFailure', () => {
  it.each([
    ['ECONNREFUSED', 'remote_refused'],
    ['EHOSTUNREACH', 'remote_unreachable'],
    ['ENETUNREACH', 'remote_unreachable'],
    ['ENOTFOUND', 'remote_dns'],
    ['EAI_AGAIN', 'remote_dns'],
    ['CERT_HAS_EXPIRED', 'remote_tls_expired'],
    ['CERT_NOT_YET_VALID', 'remote_tls_expired'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'remote_tls_untrusted'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'remote_tls_untrusted'],
    ['CERT_REVOKED', 'remote_tls_untrusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'remote_tls_wrong_host'],
    ['EPROTO', 'remote_tls'],
    ['HPE_INVALID_CONSTANT', 'remote_not_mcp'],
    ['UND_ERR_BODY_TIMEOUT', 'remote_stalled'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'remote_connection_lost'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'remote_tls'],
    ['UND_ERR_CONNECT_TIMEOUT', 'remote_timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'remote_timeout'],
    ['ETIMEDOUT', 'remote_timeout'],
    ['ECONNRESET', 'remote_connection_lost'],
    ['UND_ERR_SOCKET', 'remote_connection_lost'],
    ['SOMETHING_ELSE', 'remote_http_error'],
  ])('F41: calls %s %s', (code, expected) => {
    expect(endOfFailure(fetchFailure(code)).code).toBe(expected);
  });

  it('looks into the errors of a name with several addresses', () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    expect(endOfFailure(new TypeError('fetch failed', { cause: new AggregateError([refused]) })).code).toBe(
      'remote_refused',
    );
  });

  it('calls an answer that cannot be parsed no MCP', () => {
    expect(endOfFailure(new SyntaxError('Unexpected token <')).code).toBe('remote_not_mcp');
    expect(endOfFailure(Object.assign(new Error('[]'), { name: 'ZodError' })).code).toBe('remote_not_mcp');
  });

  it('keeps what was classified before, even deep in causes', () => {
    const classified = new TransportError('remote_redirect', 'elsewhere', { status: 302 });
    expect(endOfFailure(new Error('outer', { cause: classified }))).toEqual({
      code: 'remote_redirect',
      message: 'elsewhere',
      status: 302,
    });
  });

  it('survives anything thrown, and causes that go in circles', () => {
    const circular = new Error('round');
    circular.cause = circular;
    expect(endOfFailure(circular).message).toBe('The request failed: round');
    expect(endOfFailure('text').message).toBe('The request failed: text');
    expect(endOfFailure(undefined).code).toBe('remote_http_error');
  });
});
