import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ManualClock } from '../../../../src/core/platform/index.js';
import { type DoctorReport, doctor } from '../../../../src/core/stages/doctor.js';
import { halt } from '../../../../src/core/stages/halt.js';
import { optionsOf, testRuntime } from '../../../support/workspace.js';
import { order, PaperRig } from './fixture.js';

let rig: PaperRig | undefined;
afterEach(async () => {
  await rig?.venue.close();
  rig = undefined;
});

const of = ({ findings }: DoctorReport, check: string) => findings.find((finding) => finding.check === check);

test('an empty workspace without keys is healthy', async () => {
  const report = await doctor(optionsOf('doctor', {}), testRuntime());
  expect(report.exit).toBe('ok');
  expect(of(report, 'journal')).toMatchObject({ status: 'skip' });
  expect(of(report, 'broker')).toMatchObject({ status: 'skip' });
  expect(of(report, 'calendar')).toMatchObject({ status: 'ok', detail: expect.stringContaining('XNYS') });
  expect(of(report, 'DuckDB')).toMatchObject({ status: 'ok' });
  for (const name of ['XGBoost', 'TensorFlow', 'PostgreSQL'])
    expect(['ok', 'skip']).toContain(of(report, name)!.status);
});

test('keys, clock, calendar and journal of a paper account', async () => {
  rig = await PaperRig.start();
  await rig.trade(order());
  const report = await doctor(optionsOf('doctor', {}), rig.runtime);
  expect(of(report, 'alpaca')).toMatchObject({ status: 'ok', detail: expect.stringContaining('PA3FAKE00001 (paper)') });
  expect(of(report, 'alpaca clock')).toMatchObject({ status: 'ok' });
  expect(of(report, 'journal')).toMatchObject({ status: 'ok' });
  expect(of(report, 'alpaca calendar')).toBeDefined();
  expect(of(report, 'disk')).toMatchObject({ detail: expect.stringMatching(/\d/) });
  const feeds = async () =>
    (await doctor(optionsOf('doctor', {}), rig!.runtime)).findings.filter(({ check }) =>
      check.startsWith('alpaca feed'),
    );
  expect((await feeds()).map(({ check, status }) => [check, status])).toEqual([
    ['alpaca feed iex', 'ok'],
    ['alpaca feed sip', 'ok'],
  ]);
  rig.venue.market.entitled = false;
  expect((await feeds())[1]).toMatchObject({ status: 'warn', detail: expect.stringContaining('subscription') });
  await halt({ ...optionsOf('halt', {}), reason: 'lunch' }, rig.runtime);
  expect(of(await doctor(optionsOf('doctor', {}), rig.runtime), 'strategy')).toMatchObject({
    status: 'warn',
    detail: expect.stringContaining('halted: lunch'),
  });
  expect(JSON.stringify(report)).not.toContain(rig.venue.keys.secret);
});

test('a clock that is wrong, keys that are wrong, a blocked account, and a venue that is away have their codes', async () => {
  rig = await PaperRig.start();
  const { venue, runtime, clock } = rig;
  const ask = () => doctor(optionsOf('doctor', { broker: 'alpaca' }), runtime);
  venue.now = () => clock.now() + 5_000;
  expect(of(await ask(), 'alpaca clock')).toMatchObject({
    status: 'warn',
    detail: expect.stringMatching(/^5\.0 s ahead/),
  });
  venue.now = () => clock.now() - 60_000;
  expect(of(await ask(), 'alpaca clock')).toMatchObject({ status: 'fail', exit: 'config' });
  venue.now = () => clock.now();
  venue.account['trading_blocked'] = true;
  expect(of(await ask(), 'alpaca')).toMatchObject({ status: 'fail', exit: 'refused' });
  const wrong = { ...runtime, secrets: { ...venue.secrets, APCA_API_SECRET_KEY: 'wrong-wrong' } };
  const report = await doctor(optionsOf('doctor', {}), wrong);
  expect(of(report, 'alpaca')).toMatchObject({ status: 'fail', exit: 'config' });
  // Wrong keys are no missing subscription.
  expect(of(report, 'alpaca feed sip')).toMatchObject({ status: 'fail', exit: 'config' });
  expect(report.exit).toBe('config');
});

test('a damaged journal is a failure of data', async () => {
  const runtime = testRuntime();
  mkdirSync(dirname(runtime.journal), { recursive: true });
  writeFileSync(runtime.journal, 'no database at all, but long enough to look like one');
  const report = await doctor(optionsOf('doctor', {}), runtime);
  expect(of(report, 'journal')).toMatchObject({ status: 'fail', exit: 'data' });
  expect(report.exit).toBe('data');
});

test('where no journal could be made, that is said before anything trades', async () => {
  const runtime = testRuntime();
  const file = join(runtime.workspace, 'a-file');
  writeFileSync(file, '');
  const at = async (path: string) =>
    of(await doctor(optionsOf('doctor', {}), { ...runtime, journal: path }), 'journal');
  expect(await at(join(runtime.workspace, 'no', 'such', 'folder', 'journal.db'))).toMatchObject({ status: 'skip' });
  expect(existsSync(join(runtime.workspace, 'no'))).toBe(false);
  expect(await at(join(file, 'x', 'journal.db'))).toMatchObject({
    status: 'fail',
    exit: 'data',
    detail: expect.stringContaining('not a directory'),
    hint: expect.stringContaining('--journal'),
  });
});

test('an emptied journal is a failure and stays as it is', async () => {
  const runtime = testRuntime();
  mkdirSync(dirname(runtime.journal), { recursive: true });
  writeFileSync(runtime.journal, '');
  const report = await doctor(optionsOf('doctor', {}), runtime);
  expect(of(report, 'journal')).toMatchObject({
    status: 'fail',
    exit: 'data',
    hint: expect.stringContaining('restore'),
  });
  expect(statSync(runtime.journal).size).toBe(0);
});

test('looking changes nothing: no book of the simulated venue is made', async () => {
  const runtime = testRuntime();
  const report = await doctor(optionsOf('doctor', { broker: 'sim' }), runtime);
  expect(of(report, 'sim')).toMatchObject({ status: 'skip' });
  expect(existsSync(join(runtime.workspace, 'state', 'sim'))).toBe(false);
});

const HOOK = 'https://hooks.slack.com/services/T0/B0/secret-part';

test.each([
  ['nothing is set up', undefined, {}, 'skip', 'ok', /none/],
  ['an address alone', undefined, { QUANTLINE_NOTIFY_URL: HOOK }, 'warn', 'ok', /QUANTLINE_NOTIFY_URL.*no service/],
  ['a service and its address', 'slack', { QUANTLINE_NOTIFY_URL: HOOK }, 'ok', 'ok', /^slack, at https:..hooks/],
  ["another's address", 'discord', { QUANTLINE_NOTIFY_URL: HOOK }, 'fail', 'config', /QUANTLINE_NOTIFY_URL/],
  ['no token', 'telegram', {}, 'fail', 'config', /QUANTLINE_NOTIFY_TOKEN/],
] as const)('notifications, %s', async (_, notify, secrets, status, exit, said) => {
  const report = await doctor(optionsOf('doctor', { notify }), testRuntime({ secrets }));
  const { detail } = of(report, 'notifications')!;
  expect(of(report, 'notifications')).toMatchObject({ status, exit, detail: expect.stringMatching(said) });
  expect(detail).not.toContain('secret-part');
  expect(report.exit).toBe(exit);
});

test('notifications: no message is sent', async () => {
  rig = await PaperRig.start();
  const secrets = { QUANTLINE_NOTIFY_URL: `${rig.venue.url}/news` };
  const report = await doctor(optionsOf('doctor', { notify: 'webhook' }), testRuntime({ secrets }));
  expect(of(report, 'notifications')).toMatchObject({ status: 'ok' });
  expect(rig.venue.requests).toEqual([]);
});

test.each([
  ['a broker that is none', { broker: 'alpca' }, {}, 'alpca', 'usage', /Did you mean "alpaca"/],
  ['the broker that is no more', { broker: 'tdameritrade' }, {}, 'tdameritrade', 'config', /login schwab/],
  [
    'Schwab, which has real money only, without --live',
    { broker: 'schwab' },
    {},
    'schwab',
    'config',
    /SCHWAB_APP_KEY|developer/,
  ],
  [
    'a library that is named and is none',
    {},
    { libraries: { xgboost: '/nowhere' } },
    'XGBoost',
    'config',
    /pip install/,
  ],
  [
    "a machine's clock beyond the calendar",
    {},
    { clock: new ManualClock(Date.UTC(2101, 5, 1)) },
    'calendar',
    'config',
    /clock/,
  ],
] as const)(
  '%s: a line of its own, the next step and the exit code',
  async (_, given, overrides, check, exit, hint) => {
    const report = await doctor(optionsOf('doctor', given), testRuntime(overrides));
    expect(of(report, check)).toMatchObject({ status: 'fail', exit, hint: expect.stringMatching(hint) });
    expect(report.exit).toBe(exit);
  },
);
