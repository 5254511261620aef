import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, BrokerAccount } from '../../../src/core/execution/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { checkAccount } from '../../../src/core/stages/trade/guards.js';
import { hasDisk, journalOnDisk } from '../../support/disk.js';
import { dailyBars, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

const FRIDAY = '2026-11-27';
const ACCOUNT = '900000001';
const LIVE_KEY = 'AKFAKEFAKEFAKE000001';
const WHY = 'a drill on loopback';

let rig: VenueRig;
let passed: string;
let live: Partial<Runtime>;
beforeAll(async () => {
  rig = await VenueRig.start({
    bars: () => dailyBars(walk(60), FRIDAY),
    now: session(FRIDAY).close + 5000,
    overrides: { journal: journalOnDisk() },
  });
  const report = await evaluate(optionsOf('evaluate', { run: rig.run.path, gate: 'trades>=0' }), rig.runtime);
  expect(report.report.verdict.pass).toBe(true);
  passed = report.artifact.id;
  rig.venue.keys.id = LIVE_KEY;
  rig.venue.account['account_number'] = ACCOUNT;
  live = { secrets: { ...rig.venue.secrets, APCA_API_KEY_ID: LIVE_KEY }, allowLive: ACCOUNT };
});
afterAll(() => rig.close());
beforeEach(() => (rig.clock as ManualClock).set(session(FRIDAY).close + 5000));

const start = (given: Record<string, unknown>, runtime: Partial<Runtime> = {}) =>
  rig.start({ report: passed, live: true, ...given }, { ...live, ...runtime });

describe('whatever an adapter has let pass', () => {
  // At every vendor's own adapter keys or ids are refused before; a new one may forget to.
  test.each([
    ['a paper account under --live', true, true, /gives a paper account/],
    ['real money without --live', false, false, /real money \(900000001\), but --live was not asked for/],
    ['real money under --live', true, false, undefined],
    ['a paper account without --live', false, true, undefined],
  ])('%s', (_, asked, paper, said) => {
    const account = { id: ACCOUNT, paper, blocked: false } as BrokerAccount;
    const check = () => checkAccount({ live: asked } as never, live as Runtime, { venue: 'v' } as Broker, account);
    if (said === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 'GUARD', message: expect.stringMatching(said) }));
  });
});

test.each([{}, { live: false }, { report: undefined }, { report: 'latest' }, { strategy: undefined }])(
  '--broker tdameritrade with %j: where it has gone, whatever else is missing',
  async (given) => {
    await expect(start({ broker: 'tdameritrade', ...given }, { allowLive: undefined })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('moved to Charles Schwab'),
      hint: expect.stringMatching(/login schwab.*--broker sim/),
    });
  },
);

describe('live is never an accident: with anything missing nothing is sent', () => {
  test.each<[string, () => Promise<unknown>, string, RegExp]>([
    ['no variable', () => start({}, { allowLive: undefined }), 'GUARD', /QUANTLINE_ALLOW_LIVE=<account id>/],
    [
      'the variable from .env',
      () => start({}, { allowLive: undefined, secrets: { ...live.secrets, QUANTLINE_ALLOW_LIVE: ACCOUNT } }),
      'GUARD',
      /\.env does not count/,
    ],
    ['another account', () => start({}, { allowLive: '900000002' }), 'GUARD', /belong to 900000001/],
    ['a report that failed', () => start({ report: rig.report.id }), 'GUARD', /did not pass its gate/],
    ['latest', () => start({ report: 'latest' }), 'GUARD', /"latest" is refused/],
    ['the latest model', () => start({ model: 'latest' }), 'GUARD', /"latest" is refused/],
    ['the simulated venue', () => start({ broker: 'sim' }), 'GUARD', /no meaning at the simulated venue/],
    ['a run', () => start({ report: undefined, run: rig.run.id }), 'GUARD', /simulated venue only/],
    ['no strategy', () => start({ strategy: undefined }), 'GUARD', /--strategy is required/],
    [
      'F38: paper keys',
      () => start({}, { secrets: rig.venue.secrets, ...paperKeys() }),
      'CREDENTIALS',
      /paper environment/,
    ],
    ['F38: live keys without --live', () => start({ live: false }), 'CREDENTIALS', /belong to the live environment/],
    [
      'another host',
      () => start({}, { secrets: { ...live.secrets, APCA_API_BASE_URL: 'https://api.alpaca.markets.example.com' } }),
      'CONFIG',
      /APCA_API_BASE_URL/,
    ],
  ])('%s', async (_, act, code, message) => {
    const before = rig.venue.count('POST /v2/orders');
    await expect(act()).rejects.toMatchObject({ code, exitCode: 3, message: expect.stringMatching(message) });
    expect(rig.venue.count('POST /v2/orders')).toBe(before);
    expect(rig.venue.book.accepted).toEqual([]);
  });

  test('F38: keys that the venue does not know any more, as after a reset of the paper account: exit 3, what to do', async () => {
    rig.venue.keys.id = 'AKFAKEFAKEFAKE000002';
    await expect(start({})).rejects.toMatchObject({
      code: 'CREDENTIALS',
      exitCode: 3,
      message: expect.stringMatching(/does not accept these keys/),
      hint: expect.stringMatching(/new keys/),
    });
    rig.venue.keys.id = LIVE_KEY;
    expect(rig.venue.book.accepted).toEqual([]);
  });

  test('F37: a blocked account: exit 6, the reason by name', async () => {
    rig.venue.account['trading_blocked'] = true;
    await expect(start({})).rejects.toMatchObject({
      code: 'REFUSED',
      exitCode: 6,
      message: expect.stringMatching(/trading blocked/),
    });
    delete rig.venue.account['trading_blocked'];
    expect(rig.venue.book.accepted).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')('a journal in memory', async () => {
    await expect(start({}, { journal: '/dev/shm/quantline-guard-test/journal.sqlite' })).rejects.toMatchObject({
      code: 'STATE',
      message: expect.stringMatching(/in memory/),
    });
  });
});

test.skipIf(!hasDisk)(
  'with all of it, orders go out; --accept-ungated replaces the verdict and nothing else',
  async () => {
    await expect(
      start({ report: rig.report.id, acceptUngated: WHY }, { allowLive: '900000002' }),
    ).rejects.toMatchObject({
      code: 'GUARD',
    });
    const { session: file } = await start({ report: rig.report.id, acceptUngated: WHY });
    expect(file).toMatchObject({ outcome: 'decided', venue: 'alpaca-live', account: ACCOUNT, accepted_ungated: WHY });
    expect(rig.venue.book.accepted).toHaveLength(1);
  },
);

/** The venue accepts whatever key is given, so that only our own check is left. */
function paperKeys(): Partial<Runtime> {
  return { secrets: { ...live.secrets, APCA_API_KEY_ID: 'PKFAKEFAKEFAKE000001' } };
}
