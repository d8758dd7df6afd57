import { findSecretArgs } from './secret-shapes';

const HEX = '0123456789abcdef0123456789abcdef';

describe('findSecretArgs', () => {
  it.each([
    'ghp_0123456789abcdefghijklmnopqrstuvwxyz',
    'github_pat_0123456789abcdefghijkl',
    'glpat-0123456789abcdefghij',
    'sk-proj-abcdef0123456789ABCDEF',
    'sk-ant-api03-abcdefghijklmnop',
    'sk_live_0123456789abcdef',
    'xoxb-0123456789-abcdef',
    'AKIAIOSFODNN7EXAMPLE',
    `AIzaSy${HEX}`,
    'mcps_0123456789abcdefghijkl',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
    '--token=ghp_0123456789abcdefghijklmnopqrstuvwxyz',
    'X-Key: ghp_0123456789abcdefghijklmnopqrstuvwxyz',
    'Authorization: Bearer abcdefghijkl',
    'postgres://ann:hunter2@db/app',
    '--dsn=postgres://ann:hunter2@db/app',
    'DATABASE_URL=postgres://ann:hunter2@db/app',
    `--api-key=${HEX}`,
    '--password=hunter2',
  ])('knows %s', (argument) => {
    expect(findSecretArgs(['-y', argument])).toEqual([1]);
  });

  it.each(['--token', '--api-key', '--apikey', '-api_key', '--github-token', '--client-secret', '--access-key'])(
    'takes a random text after %s for a secret',
    (option) => {
      expect(findSecretArgs([option, HEX])).toEqual([1]);
      expect(findSecretArgs([option, 'QUJDREVGR0hJSktM1234+/=='])).toEqual([1]);
    },
  );

  it('takes whatever follows --db-password for a secret', () => {
    expect(findSecretArgs(['--db-password', 'cat'])).toEqual([1]);
  });

  it.each([
    [['-y', '@modelcontextprotocol/server-everything@2026.8.31', '/home/ann/Desktop']],
    [['--token', '${GITHUB_TOKEN}']],
    [['--password', '${PASSWORD}']],
    [['postgres://ann:${PASSWORD}@db/app']],
    [['--token', '/run/secrets/github-token-1']],
    [['--max-token', '4096']],
    [['--token-file', HEX]],
    [['--token', '--verbose']],
    [['--token', 'some-rather-long-plain-words']],
    [['sk-learn-something-rather-long']],
    [['task-0123456789abcdef0123456789']],
    [['https://example.com:8080/mcp']],
    [['--commit', HEX]],
    [['']],
  ])('leaves %j alone', (args) => {
    expect(findSecretArgs(args)).toEqual([]);
  });
});
