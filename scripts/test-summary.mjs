/**
 * Prints the last line of .ci/run: exactly `N passed, N failed`.
 *
 *   node scripts/test-summary.mjs <jest's --outputFile> [number of other steps that failed]
 *
 * A suite that could not run counts as one failed test, and so does each failed step besides the tests;
 * without a readable report the tests themselves are such a step. Exits with 1 unless all is well.
 */
import { readFileSync } from 'node:fs';

const [file, failedSteps = '0'] = process.argv.slice(2);
const report = readReport();
const failed = report.failed + Number(failedSteps);
console.log(`${report.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readReport() {
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, wasInterrupted } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    return {
      passed: numPassedTests,
      failed: numFailedTests + numRuntimeErrorTestSuites + (wasInterrupted ? 1 : 0),
    };
  } catch {
    return { passed: 0, failed: Number(failedSteps) > 0 ? 0 : 1 };
  }
}
