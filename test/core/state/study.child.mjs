// A worker of a study: claims trials below a limit, works a while on each and prints what it ended.
import { currentOwner, ownerIsGone, StudyJournal } from '../../../dist/core/state/index.js';

const [location, limit, hang] = process.argv.slice(2);
const journal = await StudyJournal.open(location, {
  study: 's',
  definition: { a: 1 },
  owner: currentOwner(),
  gone: ownerIsGone,
  now: () => Date.now(),
});
for (;;) {
  const claimed = await journal.claim(Number(limit));
  if (claimed === null) break;
  const { trial } = claimed;
  await journal.append({ type: 'started', trial, parameters: claimed.parameters ?? { x: trial, by: process.pid } });
  if (String(trial) === hang) {
    process.stdout.write(`hanging ${trial}\n`);
    await new Promise(() => setInterval(() => {}, 1000));
  }
  await new Promise((resolve) => setTimeout(resolve, 2));
  await journal.append({ type: 'finished', trial, state: 'complete', value: trial });
  process.stdout.write(`done ${trial}\n`);
}
await journal.close();
