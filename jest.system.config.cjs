/**
 * `npm run test:system`: tests of what not every machine allows (bubblewrap with its namespaces, other users). A suite of
 * its own, so that a plain `npm test` neither needs these nor skips anything in silence; `.ci/run` runs it where it can.
 */
const { projects, ...settings } = require('./jest.config.cjs');

module.exports = {
  ...settings,
  // Several minutes of processes that start and end: one after another they do not get into each other's way.
  maxWorkers: 1,
  projects: [
    {
      ...projects[0],
      displayName: 'system',
      testMatch: ['<rootDir>/{src,test}/**/*.system-spec.ts'],
      globals: { TEST_DATABASE: 'sqlite' },
    },
  ],
};
