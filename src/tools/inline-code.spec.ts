import { findInlineCode } from './inline-code';

function indexIn(line: string): number | null {
  const [command = '', ...args] = line.split(' ');
  return findInlineCode(command, args)?.index ?? null;
}

describe('findInlineCode', () => {
  it.each([
    ['node -e code', 0],
    ['node --eval=code', 0],
    ['node -p code', 0],
    ['node -pe code', 0],
    ['node --print code', 0],
    ['node --no-warnings -r ./x.js server.js', 1],
    ['node --require ./x.js server.js', 0],
    ['node --import=data:text/javascript,x server.js', 0],
    ['node --experimental_loader=./x.mjs server.js', 0],
    ['node -C dev -e code', 2],
    ['/usr/local/bin/node22 -e code', 0],
    ['C:\\node\\node.exe -e code', 0],
    ['deno eval code', 0],
    ['deno run --preload x.ts main.ts', 1],
    ['bun -e code', 0],
    ['bun run --eval code', 1],
    ['bun exec ls', 0],
    ['python -c code', 0],
    ['python3.12 -Bc code', 0],
    ['python -W ignore -c code', 2],
    ['ruby -ne code', 0],
    ['ruby -rdebug x.rb', 0],
    ['perl -lane code', 0],
    ['perl -E code', 0],
    ['php -r code', 0],
    ['sh -c code', 0],
    ['bash -lc code', 0],
    ['bash -o pipefail -c code', 2],
    ['bash +x -c code', 1],
    ['fish --command=code', 0],
    ['pwsh -NoProfile -Command code', 1],
    ['npx -c code', 0],
    ['npx --call=code', 0],
    ['npx -y -p pkg -c code', 3],
    ['npm exec --call code', 1],
    ['pnpm dlx -c code', 1],
    ['env A=b node -e code', 2],
    ['env -S node', 0],
    ['/usr/bin/env -u HOME bash -c code', 3],
    ['nohup python -c code', 1],
  ])('refuses %s', (line, index) => {
    expect(indexIn(line)).toBe(index);
  });

  it.each([
    'npx -y pkg -c x',
    'npx -y pkg --eval x',
    'npx -p pkg -- run -c x',
    'npx -y --package pkg run -c x',
    'node server.js -e production',
    'node --max-old-space-size=512 server.js -r x',
    'node -- -e',
    'python -m http.server -c x',
    'python3 -u server.py -c conf.ini',
    'python -um module -c x',
    'python -mhttp.server -c x',
    'deno run -A -r -c deno.json main.ts -e x',
    'bun run server.ts -e x',
    'bash script.sh -c x',
    'sh -e script.sh',
    'ruby -Ilib/e server.rb',
    'npm run start -c x',
    'npm exec pkg -c x',
    'uvx pkg -c x',
    'docker run -e TOKEN -p 80 image -c x',
    'my-server -c config.json -e prod',
    'env node server.js',
    'env',
    'node',
  ])('accepts %s', (line) => {
    expect(indexIn(line)).toBeNull();
  });

  it('does not repeat the code', () => {
    expect(findInlineCode('node', ['--eval=secret()'])).toEqual({ program: 'node', index: 0, flag: '--eval' });
  });
});
