import { expect, it } from 'vitest';
import { createProgress, isLiveTerminal, ManualClock } from '../../../src/core/platform/index.js';

it('says a line a minute with the share done and what is left, and nothing when quiet', () => {
  const clock = new ManualClock(0);
  const lines: string[] = [];
  const progress = createProgress({ quiet: false, live: false, clock, write: (text) => lines.push(text) });
  for (let second = 0; second <= 150; second += 10) {
    clock.set(second * 1000);
    progress.update('SPY: 100 bars, 10 a second', second, 600);
  }
  progress.end('done');
  expect(lines).toEqual([
    'SPY: 100 bars, 10 a second 10% (60/600), 9 min left\n',
    'SPY: 100 bars, 10 a second 20% (120/600), 8 min left\n',
    'done\n',
  ]);
  const quiet = createProgress({ quiet: true, live: false, clock, write: (text) => lines.push(text) });
  clock.set(1e9);
  quiet.update('x', 1, 2);
  expect(lines).toHaveLength(3);
});

it('moves on a terminal that has a width, and nowhere else: where none is known the spinner would clear lines for ever', () => {
  const terminal = { isTTY: true, columns: 80 };
  expect(isLiveTerminal(terminal, {})).toBe(true);
  expect(isLiveTerminal({ ...terminal, columns: 0 }, {})).toBe(false);
  expect(isLiveTerminal({ ...terminal, isTTY: false }, {})).toBe(false);
  expect(isLiveTerminal(terminal, { TERM: 'dumb' })).toBe(false);
  expect(isLiveTerminal(terminal, { CI: 'true' })).toBe(false);
});
