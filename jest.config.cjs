/**
 * The sizes of tests (CONTRIBUTING.md), one jest project each:
 *
 *   unit           beside the code, no database, no network
 *   db-sqlite      queries on a real database; the same files once on SQLite ...
 *   db-postgres    ... and once on a throwaway PostgreSQL (test/support/postgres-server.ts)
 *   e2e-*          the whole application over HTTP with real child processes, on both databases
 *   process        the built program (dist/src/main.js) as a process: run `npm run build` first
 *
 * A test learns its database from the global TEST_DATABASE, by way of `createTestDatabase()`.
 */
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

/** Jest on Node 20 cannot require() ES modules, so swc turns them into CommonJS as well. */
function esmPackages(folder = join(__dirname, 'node_modules'), found = new Set()) {
  for (const entry of list(folder)) {
    if (entry.startsWith('.')) continue;
    const names = entry.startsWith('@') ? list(join(folder, entry)).map((name) => `${entry}/${name}`) : [entry];
    for (const name of names) {
      if (packageType(join(folder, name)) === 'module') found.add(name);
      esmPackages(join(folder, name, 'node_modules'), found);
    }
  }
  return found;
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function packageType(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).type;
  } catch {
    return undefined;
  }
}

const swc = (options) => [
  '@swc/jest',
  {
    swcrc: false,
    jsc: {
      target: 'es2023',
      keepClassNames: true,
      transform: { legacyDecorator: true, decoratorMetadata: true },
      ...options.jsc,
    },
    module: { type: 'commonjs' },
    ...options.file,
  },
];

const transform = {
  '^.+\\.ts$': swc({ jsc: { parser: { syntax: 'typescript', decorators: true } } }),
  // "unknown": a package of type module may carry CommonJS files too, and those must stay as they are.
  'node_modules/.+\\.m?js$': swc({ jsc: { parser: { syntax: 'ecmascript' } }, file: { isModule: 'unknown' } }),
};

const escaped = (name) => name.replace(/[.+]/g, '\\$&');

const common = {
  rootDir: __dirname,
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/scripts'],
  testEnvironment: 'node',
  moduleFileExtensions: ['js', 'mjs', 'cjs', 'json', 'ts', 'node'],
  transform,
  transformIgnorePatterns: [`node_modules/(?!(${[...esmPackages()].map(escaped).join('|')})/)`],
};

const onDatabase = (name, database, testMatch) => ({
  ...common,
  displayName: `${name}-${database}`,
  testMatch,
  globals: { TEST_DATABASE: database },
  ...(database === 'postgres' && {
    globalSetup: '<rootDir>/test/support/global-postgres-setup.ts',
    globalTeardown: '<rootDir>/test/support/global-postgres-teardown.ts',
  }),
});

const dbTests = ['<rootDir>/src/**/*.db-spec.ts', '<rootDir>/test/db/**/*.db-spec.ts'];
const e2eTests = ['<rootDir>/test/**/*.e2e-spec.ts'];

module.exports = {
  maxWorkers: 2,
  // Jest knows one limit for all projects; a machine that stalls for a minute is no failure of ours.
  testTimeout: 90_000,
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/src/**/*.spec.ts',
        '<rootDir>/scripts/**/*.spec.ts',
        '<rootDir>/test/support/**/*.spec.ts',
      ],
    },
    onDatabase('db', 'sqlite', dbTests),
    onDatabase('db', 'postgres', dbTests),
    onDatabase('e2e', 'sqlite', e2eTests),
    onDatabase('e2e', 'postgres', e2eTests),
    {
      ...common,
      displayName: 'process',
      testMatch: ['<rootDir>/test/**/*.process-spec.ts'],
      globals: { TEST_DATABASE: 'sqlite' },
    },
  ],
};
