// Adds up the test runner's JSON reports of a folder: `N passed, N failed, N skipped`. Exits 1 when one failed or none
// passed. A file that ran again (name.again.json) counts as it ended the second time, and is named.
// With --failed and a report it only prints the files that failed; what failed, and why, goes to stderr.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (path) => JSON.parse(readFileSync(path, 'utf8')).testResults;
const failures = (file) => file.assertionResults.filter((test) => test.status === 'failed');
// A file that failed to load has no failed test of its own, and must not go unseen.
const isBroken = (file) => file.status === 'failed' && failures(file).length === 0;

function failedFiles(path) {
  const failed = read(path).filter((file) => file.status === 'failed');
  for (const file of failed) {
    if (isBroken(file)) console.error(`failed: ${file.name}: ${file.message}`);
    for (const test of failures(file))
      console.error(`failed: ${test.fullName}\n${test.failureMessages.join('\n').slice(0, 2000)}`);
  }
  for (const { name } of failed) console.log(name);
}

function count(folder) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith('.again.json')) continue;
    const again = join(folder, name.replace('.json', '.again.json'));
    const second = new Map(existsSync(again) ? read(again).map((file) => [file.name, file]) : []);
    for (const first of read(join(folder, name))) {
      const file = second.get(first.name) ?? first;
      if (file !== first && file.status !== 'failed')
        console.log(`passed the second time only: ${file.name} (${name})`);
      if (isBroken(file)) sum.failed++;
      for (const { status, fullName } of file.assertionResults) {
        if (status === 'failed') console.log(`failed: ${fullName} (${name})`);
        sum[status === 'passed' || status === 'failed' ? status : 'skipped']++;
      }
    }
  }
  process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
}

const [first, second] = process.argv.slice(2);
if (first === '--failed') failedFiles(second);
else count(first);
