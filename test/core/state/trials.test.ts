import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TrialIdentity, TrialLedger, trialKey } from '../../../src/core/state/index.js';
import { failure, T0, temporaryFolder } from './helpers.js';

let folder: { path: string; remove: () => Promise<void> };
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'deep', 'trials.db');
});
afterEach(() => folder.remove());

const trial = (more: Partial<TrialIdentity> = {}): TrialIdentity => ({
  source: 'csv',
  instruments: ['SPY', 'QQQ'],
  interval: '1d',
  strategy: 'sma-cross(10,30)',
  settings: { commission: '0.1%', label: null },
  ...more,
});

test('distinct trials count once, reruns do not, whatever the order of instruments and settings', async () => {
  const ledger = await TrialLedger.open(file, T0);
  expect(await ledger.record({ ...trial(), sharpe: 0.05, sessions: 250 }, T0)).toBe(true);
  const same = trial({ instruments: ['QQQ', 'SPY'], settings: { label: null, commission: '0.1%' } });
  expect(await ledger.record({ ...same, sharpe: 0.06, sessions: 260 }, T0 + 1)).toBe(false);
  const others = [
    trial({ source: 'alpaca' }),
    trial({ instruments: ['SPY'] }),
    trial({ interval: '1h' }),
    trial({ strategy: 'sma-cross(11,30)' }),
    trial({ settings: {} }),
    trial({ seed: 7 }),
  ];
  expect(
    await ledger.recordAll(
      others.map((each) => ({ ...each, sharpe: 0.01, sessions: 250 })),
      T0 + 2,
    ),
  ).toBe(6);
  expect(await ledger.count()).toBe(7);
  expect((await ledger.list())[0]).toEqual({
    ...trial(),
    instruments: ['QQQ', 'SPY'],
    seed: undefined,
    key: trialKey(trial()),
    sharpe: 0.05,
    sessions: 250,
    firstSeen: T0,
    runs: 2,
  });
  await ledger.close();
});

test('the summary is that of the recorded Sharpe ratios', async () => {
  const ledger = await TrialLedger.open(file, T0);
  expect(await ledger.summary()).toEqual({
    ledger: ledger.id,
    since: T0,
    count: 0,
    sharpeVariance: 0,
    bestSharpe: undefined,
  });
  const sharpes = [0.1, -0.05, 0.02, Number.NaN];
  for (const [i, sharpe] of sharpes.entries()) {
    await ledger.record({ ...trial({ strategy: `s(${i})` }), sharpe, sessions: 100 }, T0 + i);
  }
  const summary = await ledger.summary();
  expect(summary.count).toBe(4);
  // Mean 0.07/3; squared deviations by hand: 0.005878, 0.005378, 0.000011; divided by 2.
  expect(summary.sharpeVariance).toBeCloseTo(0.0056333333, 9);
  expect(summary.bestSharpe).toBe(0.1);
  expect((await ledger.summary({ source: 'nowhere' })).count).toBe(0);
  expect((await ledger.summary({ source: 'csv', interval: '1d', instruments: ['SPY', 'QQQ'] })).count).toBe(4);
  expect(Number.isNaN((await ledger.list()).at(-1)!.sharpe)).toBe(true);
  await ledger.close();
});

test('id and age stay; two processes share it; damage is loud', async () => {
  const first = await TrialLedger.open(file, T0);
  const second = await TrialLedger.open(file, T0 + 99);
  expect([second.id, second.since]).toEqual([first.id, T0]);
  await Promise.all(
    [first, second].flatMap((ledger, k) =>
      Array.from({ length: 10 }, (_, i) =>
        ledger.record({ ...trial({ strategy: `s(${i + 5 * k})` }), sharpe: 0, sessions: 1 }, T0),
      ),
    ),
  );
  expect(await first.count()).toBe(15);
  await first.close();
  await second.close();
  await writeFile(file, 'not a database, not at all, but long enough to have a header of one hundred bytes '.repeat(3));
  expect((await failure(TrialLedger.open(file, T0))).code).toBe('STATE');
});
