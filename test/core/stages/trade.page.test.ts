import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { COMMAND_OPTIONS, globalOptions } from '../../../src/core/config/index.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { hasDisk, journalOnDisk } from '../../support/disk.js';
import { JumpClock } from '../../support/jumpClock.js';
import { commands, flagsIn } from '../../support/pages.js';
import { dailyBars, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

/** docs/live.md: every command as it is written, at a fake venue, on the Friday after Thanksgiving. */
const page = readFileSync(new URL('../../../docs/live.md', import.meta.url), 'utf8');
const FRIDAY = '2026-11-27';
const LIVE_KEY = 'AKFAKE0000000000000';
const bars = dailyBars(walk(60), FRIDAY);

let rig: VenueRig | undefined;
afterEach(() => rig?.close());

const written = commands(page).map(({ environment, words }) => ({ environment, words, line: words.join(' ') }));

test('the page shows a start of each kind', () => {
  const lines = written.map(({ line }) => line);
  expect(lines.filter((line) => line.includes('--once')).length).toBeGreaterThanOrEqual(3);
  expect(lines.filter((line) => !line.includes('--once')).length).toBeGreaterThanOrEqual(2);
});

test.each(written.map((one) => [one.line, one] as const))('quantline %s', async (_line, { environment, words }) => {
  const now = session(FRIDAY).close + 5000;
  rig = await VenueRig.start({
    bars: () => bars,
    now,
    clock: new JumpClock(now),
    overrides: { journal: journalOnDisk() },
  });
  const { venue, runtime } = rig;
  const report = await evaluate(optionsOf('evaluate', { run: rig.run.path, gate: 'trades>=0' }), runtime);
  const [command, ...rest] = words.map((word) => (word === '$report' ? report.artifact.id : word));
  expect(command).toBe('trade');
  const { flags, unknown } = flagsIn({ ...COMMAND_OPTIONS.trade.shape, ...globalOptions.shape }, rest);
  expect(unknown).toEqual([]);
  const stop = new AbortController();
  const account = environment['QUANTLINE_ALLOW_LIVE'];
  if (flags['live'] === true) {
    if (!hasDisk) return;
    venue.keys.id = LIVE_KEY;
    venue.account['account_number'] = account;
  }
  const secrets = { ...runtime.secrets, APCA_API_KEY_ID: venue.keys.id };
  const given = { ...runtime, secrets, signal: stop.signal, ...(account !== undefined && { allowLive: account }) };
  const running = rig.start({ once: false, ...flags }, given);
  running.catch(() => {});
  const atVenue = flags['broker'] === 'alpaca';
  if (flags['once'] !== true) {
    await vi.waitFor(() => expect(venue.book.accepted).toHaveLength(1), { timeout: 10_000 });
    stop.abort();
  }
  expect((await running).session).toMatchObject({ outcome: 'decided', strategy: flags['strategy'], orders: 1 });
  expect(venue.book.accepted).toHaveLength(atVenue ? 1 : 0);
  expect(venue.violations).toEqual([]);
});
