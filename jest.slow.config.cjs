/**
 * Tests that take minutes, for `npm run test:slow`: faults at their true length. They need the built program and are no part
 * of `npm test`. Both databases where a test is about both.
 */
const { projects, ...common } = require('./jest.config.cjs');

const project = (name) => projects.find(({ displayName }) => displayName === name);

module.exports = {
  ...common,
  maxWorkers: 1,
  testTimeout: 300_000,
  projects: ['db-sqlite', 'db-postgres'].map((name) => ({
    ...project(name),
    displayName: name.replace('db', 'slow'),
    testMatch: ['<rootDir>/test/db/**/*.slow-spec.ts'],
  })),
};
