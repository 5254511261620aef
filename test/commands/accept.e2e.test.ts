import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openJournal } from '../../src/core/state/index.js';
import { errorResult, positionsResult, standingResult } from '../../src/shell/results/index.js';
import { order, PaperRig, SCOPE } from '../core/stages/operate/fixture.js';
import { quantline } from './cli.js';

/** `resume --accept-venue` through the built command line, against a fake Alpaca: four of ten shares were sold by hand. */
let rig: PaperRig;
const q = (...args: string[]) =>
  quantline([...args, '--journal', rig.runtime.journal, '--json'], {
    cwd: rig.runtime.workspace,
    env: { ...rig.venue.secrets },
  });
const accept = (...more: string[]) => q('resume', '--strategy', 'swing', '--accept-venue', 'sold by hand', ...more);

beforeAll(async () => {
  rig = await PaperRig.start(true);
  await rig.trade(order());
});
afterAll(async () => {
  await rig.venue.close();
  rmSync(rig.runtime.workspace, { recursive: true, force: true });
});

it('refuses without a halt by reconciliation, shows with --dry-run, accepts and resumes', async () => {
  const early = await accept();
  expect([early.code, errorResult.parse(JSON.parse(early.stdout)).error.message]).toEqual([
    2,
    expect.stringContaining('not halted by reconciliation'),
  ]);
  rig.byHand({ symbol: 'AAPL', side: 'sell', qty: '4' });
  await expect(rig.trade()).rejects.toMatchObject({ code: 'HALTED' });
  const orders = rig.venue.book.orders.size;

  const difference = { instrument: 'AAPL', order: null, owned: '10', venue: '6', before: '10', after: '6' };
  const shown = await accept('--dry-run');
  expect(shown.code, shown.stderr).toBe(0);
  expect(standingResult.parse(JSON.parse(shown.stdout))).toMatchObject([{ state: 'halted', accepted: [difference] }]);
  const done = await accept();
  expect(done.code, done.stderr).toBe(0);
  expect(standingResult.parse(JSON.parse(done.stdout))).toMatchObject([
    { before: 'halted', state: 'active', reason: 'sold by hand', accepted: [difference] },
  ]);
  const held = positionsResult.parse(JSON.parse((await q('positions', '--strategy', 'swing')).stdout));
  expect(held).toMatchObject([{ instrument: 'AAPL', quantity: '6' }]);
  expect((await q('journal', 'verify')).code).toBe(0);
  expect(rig.venue.book.orders.size).toBe(orders);
  const journal = await openJournal(rig.runtime.journal);
  await journal.setState(SCOPE, 'halted', 'reconciliation: a test', rig.clock.now());
  await journal.close();
  // Nothing differs any more: it only resumes.
  const again = standingResult.parse(JSON.parse((await accept()).stdout));
  expect(again).toMatchObject([{ state: 'active', accepted: [] }]);
});
