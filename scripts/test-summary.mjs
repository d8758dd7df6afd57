/**
 * Prints the last line of .ci/run: exactly `N passed, N failed`.
 *
 *   node scripts/test-summary.mjs <number of other steps that failed> <report>...
 *
 * A report is jest's --outputFile, or `{ "passed": n, "failed": n }` of a suite that is not jest's (conformance scenarios).
 * A suite that could not run counts as one failed test, and so does each failed step besides the tests;
 * without a readable report the tests themselves are such a step. Exits with 1 unless all is well.
 */
import { readFileSync } from 'node:fs';

const [failedSteps = '0', ...files] = process.argv.slice(2);
const reports = files.map(readReport);
const passed = reports.reduce((sum, report) => sum + report.passed, 0);
const failed = reports.reduce((sum, report) => sum + report.failed, Number(failedSteps));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readReport(file) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    if (Number.isInteger(report.passed) && Number.isInteger(report.failed)) return report;
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, wasInterrupted } = report;
    return {
      passed: numPassedTests,
      failed: numFailedTests + numRuntimeErrorTestSuites + (wasInterrupted ? 1 : 0),
    };
  } catch {
    return { passed: 0, failed: Number(failedSteps) > 0 ? 0 : 1 };
  }
}
