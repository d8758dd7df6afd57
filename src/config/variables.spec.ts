import { VARIABLES, type VariableName } from './variables';

const read = (name: VariableName, text: string): unknown => VARIABLES[name].parse(text);

describe('a variable', () => {
  it.each([
    ['DEBUG', ['true', 'TRUE', '1', 'yes', 'On'], true],
    ['DEBUG', ['false', 'False', '0', 'no', 'OFF'], false],
    ['LOG_LEVEL', ['debug', 'DEBUG', 'trace', 'verbose'], 'debug'],
    ['LOG_LEVEL', ['info', 'Info', 'INFO', 'log'], 'info'],
    ['LOG_LEVEL', ['warn', 'WARN', 'warning', 'WARNING'], 'warn'],
    ['LOG_LEVEL', ['error', 'ERROR'], 'error'],
    ['LOG_LEVEL', ['fatal', 'CRITICAL'], 'fatal'],
    ['ENVIRONMENT', ['production', 'prod', 'Production'], 'production'],
    ['ENVIRONMENT', ['development', 'dev'], 'development'],
    ['ENVIRONMENT', ['test', 'testing'], 'test'],
    ['PORT', ['0'], 0],
    ['PORT', ['65535'], 65_535],
    ['ACCESS_TOKEN_EXPIRE_MINUTES', ['1440'], 1440],
  ] as const)('%s reads %j as %j', (name, texts, value) => {
    expect(texts.map((text) => read(name, text))).toEqual(texts.map(() => value));
  });

  it.each([
    ['DEBUG', 'maybe', 'must be true or false, not "maybe"'],
    ['LOG_LEVEL', 'loud', 'must be one of debug, info, warn, error, fatal, not "loud"'],
    ['LOG_LEVEL', 'constructor', 'must be one of debug, info, warn, error, fatal, not "constructor"'],
    ['ENVIRONMENT', 'staging', 'must be one of development, production, test, not "staging"'],
    ['PORT', '65536', 'must be a whole number from 0 to 65535, not "65536"'],
    ['PORT', '-1', 'must be a whole number from 0 to 65535, not "-1"'],
    ['PORT', '8000.5', 'must be a whole number from 0 to 65535, not "8000.5"'],
    ['PORT', '0x50', 'must be a whole number from 0 to 65535, not "0x50"'],
    ['PORT', ' ', 'must be a whole number from 0 to 65535, not " "'],
    ['ACCESS_TOKEN_EXPIRE_MINUTES', '0', 'must be a whole number from 1 to 1440, not "0"'],
    ['MCP_MAX_MESSAGE_BYTES', '1024', 'must be a whole number from 65536 to 268435456, not "1024"'],
    ['API_V1_STR', 'api/v1', 'must be a path such as /api/v1'],
    ['API_V1_STR', '/api/v1/', 'must be a path such as /api/v1'],
    ['HOST', 'http://x', 'is malformed'],
    ['ADMIN_USERNAME', 'two words', 'must be 1 to 64 letters, digits or . _ @ -'],
    ['ADMIN_PASSWORD', 'eleven chrs', 'must have at least 12 characters'],
    ['DATA_DIR', 'a\0b', 'must be a path'],
  ] as const)('%s refuses %j', (name, text, message) => {
    expect(() => read(name, text)).toThrow(new Error(message));
  });
});

describe('trusted proxies', () => {
  it('are addresses and networks', () => {
    expect(read('TRUSTED_PROXIES', '10.0.0.5, 10.0.0.0/8,::1,fd00::/8')).toEqual([
      '10.0.0.5',
      '10.0.0.0/8',
      '::1',
      'fd00::/8',
    ]);
  });

  it.each(['proxy.example', '10.0.0.0/33', '10.0.0.0/0', '::/0', '10.0.0.0/', '10.0.0.0/8/8', '*', 'true', '1'])(
    'are not %s',
    (text) => {
      expect(() => read('TRUSTED_PROXIES', text)).toThrow('which is no address or network');
    },
  );
});

describe('a list', () => {
  it.each([
    ['comma separated', 'https://a.example,https://b.example:8443'],
    ['with blanks and a comma too many', ' https://a.example , https://b.example:8443, '],
    ['a JSON array', '["https://a.example", "https://b.example:8443"]'],
    ['with closing slashes', 'https://a.example/,https://b.example:8443/'],
  ])('can be %s', (_, text) => {
    expect(read('CORS_ORIGINS', text)).toEqual(['https://a.example', 'https://b.example:8443']);
  });

  it('can be empty', () => {
    expect(read('CORS_ORIGINS', '[]')).toEqual([]);
    expect(read('CORS_ORIGINS', ',')).toEqual([]);
  });

  it.each([
    ['["https://a.example"', 'begins like a JSON array but is not valid JSON'],
    ['["https://a.example", 1]', 'must be a JSON array of strings'],
    ['a.example', 'has "a.example", which is no origin such as https://dashboard.example.com'],
    ['*', 'has "*", which is no origin such as https://dashboard.example.com'],
    [
      'https://a.example/path',
      'has "https://a.example/path": an origin is http(s)://host[:port] and nothing more ("https://a.example"?)',
    ],
    [
      'ftp://a.example',
      'has "ftp://a.example": an origin is http(s)://host[:port] and nothing more ("ftp://a.example"?)',
    ],
  ])('of origins refuses %s', (text, message) => {
    expect(() => read('CORS_ORIGINS', text)).toThrow(new Error(message));
  });

  it.each([
    ['Tools.Example.com, localhost', ['tools.example.com', 'localhost']],
    ['["tools.example.com"]', ['tools.example.com']],
    ['*', ['*']],
    ['[::1],localhost', ['[::1]', 'localhost']],
    ['[FD00::5]', ['[fd00::5]']],
    ['::1,fd00::5', ['[::1]', '[fd00::5]']],
  ])('of hosts reads %s as Host headers say them', (text, names) => {
    expect(read('ALLOWED_HOSTS', text)).toEqual(names);
  });

  it.each(['https://a.example', 'a b', 'a.example:8000'])('of hosts refuses %s', (text) => {
    expect(() => read('ALLOWED_HOSTS', text)).toThrow(`has "${text}", which is no host name`);
  });

  it('of variable names refuses what is none', () => {
    expect(read('MCP_ENV_PASSTHROUGH', 'GITHUB_TOKEN, _x1')).toEqual(['GITHUB_TOKEN', '_x1']);
    expect(() => read('MCP_ENV_PASSTHROUGH', 'GITHUB_TOKEN,1X')).toThrow(new Error('has "1X", no variable name'));
  });
});
