// Adds up the test runner's JSON reports: `N passed, N failed, N skipped`. Exits 1 when one failed or none passed.
// With --failures it only names what failed, and why.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const args = process.argv.slice(2);
const onlyFailures = args[0] === '--failures';
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const path of onlyFailures ? args.slice(1) : args) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  // A file that failed to load has no failed test of its own, and must not go unseen.
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  for (const file of broken) console.log(`${file.name}: ${file.message}`);
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status !== 'failed') continue;
      console.log(`failed: ${test.fullName} (${basename(path, '.json')})`);
      if (onlyFailures) console.log(test.failureMessages.join('\n').slice(0, 2000));
    }
  }
  sum.passed += report.numPassedTests;
  sum.failed += report.numFailedTests + broken.length;
  sum.skipped += report.numPendingTests + report.numTodoTests;
}
if (!onlyFailures) {
  process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
}
