import fc from 'fast-check';
import { cpuMsOf } from '../../test/support/cpu-time';
import { redact } from './redaction';

const HEX = '0123456789abcdef0123456789abcdef';
const JWT = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${HEX}`;
const PEM = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEpAIBAAKCAQEA75\nabc+/def==\n-----END RSA PRIVATE KEY-----`;

describe('redaction of known credentials', () => {
  it.each([
    ['GitHub', `ghp_${HEX}0000`],
    ['GitHub, fine-grained', `github_pat_${HEX}_${HEX}`],
    ['OpenAI', `sk-proj-${HEX}`],
    ['Anthropic', `sk-ant-api03-${HEX}`],
    ['Slack', 'xoxb-123456789012-abcdefghijkl'],
    ['Stripe', `sk_live_${HEX}`],
    ['GitLab', `glpat-${HEX}`],
    ['AWS', 'AKIAIOSFODNN7EXAMPLE'],
    ['Google', `AIzaSy${HEX}`],
    ['npm', `npm_${HEX}0000`],
    ['MCPS.ONE', `mcps_${HEX}`],
    ['a JWT', JWT],
    ['a private key', PEM],
  ])('hides a token of %s in words, in JSON, in JSON within JSON, and behind the escapes of both', (_, token) => {
    for (const around of [token, `the key is ${token}, keep it`, `(${token})`, `\n${token}\n`, `x%20${token}`]) {
      const texts = [around, JSON.stringify({ a: around }), JSON.stringify({ a: JSON.stringify({ b: around }) })];
      for (const text of texts) {
        const redacted = redact(text);
        expect(redacted).toContain('***');
        for (const part of token.split('\n').filter((line) => line.length > 8 && !line.startsWith('-')))
          expect(redacted).not.toContain(part.slice(0, 12));
      }
      expect(JSON.parse(redact(texts[1]!)).a).toBe(redact(around));
      expect(JSON.parse(JSON.parse(redact(texts[2]!)).a).b).toBe(redact(around));
    }
  });

  it.each([
    ['Authorization: Bearer abc123def456', 'Authorization: ***'],
    ['it sent Bearer abc123def456, which is wrong', 'it sent Bearer ***, which is wrong'],
    ['it sent bearer abc123\\/def456', 'it sent bearer ***'],
    ['"Basic dXNlcjpwYXNzd29yZA=="', '"Basic ***"'],
    ['postgres://ann:hunter2@db/app', 'postgres://ann:***@db/app'],
    ['https://x.example/?api_key=abc&page=2', 'https://x.example/?api_key=***&page=2'],
    ['GITHUB_TOKEN=abc', 'GITHUB_TOKEN=***'],
    ['export API_KEY="a b c" FOO=1', 'export API_KEY="***" FOO=1'],
    ["{'password': 'pass word', 'user': 'ann'}", "{'password': '***', 'user': 'ann'}"],
    ['password: hunter2', 'password: ***'],
    ['Cookie: a=b; c=d\nnext line', 'Cookie: ***\nnext line'],
    ['[warn] client_secret="abc"', '[warn] client_secret="***"'],
  ])('makes %j into %j', (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  it.each([
    'task-0123456789abcdef0123456789',
    'sk-learn-something-rather-long-in-words',
    'Bearer authentication is needed',
    'Basic functionality works',
    'Unexpected token: } in JSON at position 4',
    'token: missing',
    'if (token == other) return',
    'Secret::of::a::class',
    'https://example.com:8080/a@b',
    'the name eyJhb of a file',
    'AKIA is a prefix',
    'password=${PASSWORD}',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    'key: 12345678',
  ])('leaves %j alone', (text) => {
    expect(redact(text)).toBe(text);
  });
});

describe('redaction of fields with telling names', () => {
  it.each([
    ['api_key', 'apiKey', 'X-API-Key', 'API_KEY', 'openaiApiKey'],
    ['token', 'accessToken', 'refresh_token', 'GITHUB_TOKEN', 'x-amz-security-token'],
    ['password', 'dbPassword', 'PGPASSWORD', 'password_hash'],
    ['authorization', 'Proxy-Authorization', 'Cookie', 'set-cookie'],
    ['clientSecret', 'private_key', 'aws_secret_access_key', 'credentials'],
  ])('hides the value of %s and its like, whatever it is', (...names) => {
    for (const name of names) {
      const plain = JSON.stringify({ a: 1, [name]: 'x "quoted" \\ y', b: [2] });
      expect(JSON.parse(redact(plain))).toEqual({ a: 1, [name]: '***', b: [2] });
      expect(JSON.parse(redact(JSON.stringify({ [name]: 1234 })))).toEqual({ [name]: '***' });
      expect(JSON.parse(redact(JSON.stringify({ [name]: ['a', 'b"'], c: 'd' })))).toEqual({ [name]: ['***'], c: 'd' });
      expect(JSON.parse(redact(JSON.stringify({ [name]: { c: 'd' }, e: null })))).toEqual({
        [name]: { c: 'd' },
        e: null,
      });
      const nested = JSON.stringify({ text: plain, more: 'stays' });
      expect(JSON.parse(redact(nested))).toEqual({
        text: JSON.stringify({ a: 1, [name]: '***', b: [2] }),
        more: 'stays',
      });
    }
  });

  it.each([
    ...['progressToken', 'maxTokens', 'max_tokens', 'nextPageToken', 'nextCursor', 'tokenType', 'token_count'],
    ...['key', 'keys', 'monkey', 'primaryKey', 'passwordless', 'secretary', 'authorizationUrl', 'tokenEndpoint'],
  ])('does not take %s for secret: whole words of a name count', (name) => {
    const text = JSON.stringify({ params: { [name]: 'abc-1' }, list: [{ [name]: 5 }] });
    expect(redact(text)).toBe(text);
  });

  it('takes no text of the outermost JSON for the value of a name that stands at its end', () => {
    const text = '{"a":"token=","b":"kept","c":"password: ","d":"kept too"}';
    expect(redact(text)).toBe(text);
  });
});

describe('redaction as such', () => {
  const word = fc.constantFrom(
    ...['token', 'apiKey', 'password', 'authorization', 'x', 'Bearer ', 'sk-', 'ghp_', 'eyJ', 'AKIA', '-----BEGIN '],
    ...[
      'PRIVATE KEY-----',
      '-----END ',
      '"',
      "'",
      '\\',
      '\\"',
      '\\\\',
      ':',
      '=',
      '://',
      '@',
      '\n',
      ' ',
      '.',
      HEX,
      '[',
      ']',
    ],
    ...['{', '}', ',', 'é', '🌍', '\0', '\u2028', '12'],
  );
  const hostile = fc.array(word, { maxLength: 40 }).map((words) => words.join(''));
  const anyJson = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      hostile,
      fc.integer(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(hostile, fc.constantFrom('token', 'apiKey', 'Cookie')), tie('value'), { maxKeys: 4 }),
      tie('value').map((inner) => JSON.stringify(inner)),
    ),
  })).value;

  it('keeps any JSON valid, and its shape but for what it hides', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const wrapped = { jsonrpc: '2.0', value };
        const redacted = JSON.parse(redact(JSON.stringify(wrapped))) as typeof wrapped;
        expect(redacted.jsonrpc).toBe('2.0');
        expect(Object.keys(redacted)).toEqual(['jsonrpc', 'value']);
      }),
      { numRuns: 5_000 },
    );
  });

  it('never shows a secret field of any JSON, however deep it is packed', () => {
    const canary = 'canary 4711 "quoted" \\ end';
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), hostile, hostile, (depth, before, after) => {
        let text = JSON.stringify({ before, api_key: canary, after });
        for (let level = 0; level < depth; level += 1) text = JSON.stringify({ text, more: after });
        expect(redact(text)).not.toContain('canary');
      }),
      { numRuns: 1_000 },
    );
  });

  it('changes nothing a second time', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const once = redact(JSON.stringify({ text }));
        expect(redact(once)).toBe(once);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ...[
      'eyJ',
      'eyJ ',
      'eyJa.',
      'sk-',
      'ghp_',
      'xoxb-a',
      'AKIA',
      'Bearer ',
      'basic a',
      '-----BEGIN ',
      '-----',
      '-----END',
    ],
    ...['-----BEGIN PRIVATE KEY-----', '://', '://a:', 'token=', 'token:', '"token":', '"token":"', '\\"token\\":\\"'],
    ...[
      '"token":[',
      '"token":["',
      '\\',
      '\\\\"',
      '"',
      "'token':'",
      'token = ',
      'authorization:',
      ' ',
      '\n',
      'a',
      '_',
      '=',
    ],
    ...['token\\\\', 'key', '"api_key" : ', 'token=\\'],
  ])('reads a megabyte of %j in a moment', (piece) => {
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
    const tookMs = cpuMsOf(() => {
      redact(text);
      redact(JSON.stringify({ text }));
    });
    // Ten times what a slow machine needs; what is not linear takes minutes.
    expect(tookMs).toBeLessThan(3_000);
  });
});
