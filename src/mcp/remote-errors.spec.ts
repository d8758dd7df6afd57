import { endOfFailure, endOfForeignAnswer, endOfStatus } from './remote-errors';
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
    [502, 'remote_server_error'],
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
      'The server failed (HTTP 502)',
    );
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
    ['EHOSTUNREACH', 'remote_refused'],
    ['ENOTFOUND', 'remote_dns'],
    ['EAI_AGAIN', 'remote_dns'],
    ['CERT_HAS_EXPIRED', 'remote_tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'remote_tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'remote_tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'remote_tls'],
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
