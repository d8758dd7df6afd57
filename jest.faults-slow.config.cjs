/**
 * `npm run test:faults:slow`: faults in real time and under load, by the built program, with figures. Some ten minutes,
 * and it wants the machine for itself: so a plain `npm test` leaves it out.
 */
const { projects, ...settings } = require('./jest.config.cjs');

module.exports = {
  ...settings,
  maxWorkers: 1,
  projects: [
    {
      ...projects[0],
      displayName: 'faults-slow',
      testMatch: ['<rootDir>/test/faults-*.slow-spec.ts'],
      globals: { TEST_DATABASE: 'sqlite' },
    },
  ],
};
