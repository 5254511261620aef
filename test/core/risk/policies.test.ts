import { describe, expect, test } from 'vitest';
import { adapterSettings, parseCall } from '../../../src/core/config/index.js';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { adapters, loadAdapter } from '../../../src/core/registry/index.js';
import {
  NOBODY,
  type Others,
  RiskDesk,
  type RiskPolicy,
  type RiskState,
  SessionActivity,
} from '../../../src/core/risk/index.js';

/** A policy as a person writes it. */
async function policy(text: string): Promise<RiskPolicy> {
  const call = parseCall(text);
  const { module } = await loadAdapter<{ settings: never; create(settings: unknown): RiskPolicy }>('policy', call.name);
  return module.create(adapterSettings(call.name, module.settings, call));
}

interface Case {
  readonly risk: string;
  readonly weight: number;
  readonly allowed: number;
  readonly state?: Partial<RiskState>;
  readonly price?: number;
  readonly last?: number;
  readonly instrument?: string;
}

const EQUITY = 100_000;
const others = (more: Partial<Others>): Others => ({ ...NOBODY, ...more });
const CASES: readonly Case[] = [
  { risk: 'max-order($20000)', weight: 0.5, allowed: 0.2 },
  { risk: 'max-order($20000)', weight: -0.5, allowed: -0.2 },
  { risk: 'max-order($20000)', weight: 0.1, allowed: 0.1 },
  { risk: 'max-quantity(100)', weight: 0.5, allowed: 0.1 },
  { risk: 'max-quantity(100)', weight: 0.5, price: 90, allowed: 0.09 },
  { risk: 'max-position(25%)', weight: 0.5, allowed: 0.25 },
  { risk: 'max-gross(150%)', weight: 1, state: { gross: 120_000 }, allowed: 0.3 },
  { risk: 'max-gross(100%)', weight: 1, state: { gross: 120_000 }, allowed: 0 },
  { risk: 'max-net(50%)', weight: 0.4, state: { net: 30_000 }, allowed: 0.2 },
  { risk: 'max-net(50%)', weight: -0.9, state: { net: 30_000 }, allowed: -0.8 },
  { risk: 'max-leverage(2)', weight: 1, state: { gross: 50_000, others: others({ gross: 130_000 }) }, allowed: 0.2 },
  { risk: 'max-leverage(2)', weight: 1, state: { gross: 50_000, others: others({ gross: 150_000 }) }, allowed: 0 },
  // Nobody gives a price of what others hold.
  { risk: 'max-leverage(9)', weight: 1, state: { others: others({ gross: Number.NaN }) }, allowed: 0 },
  { risk: 'max-net(50%)', weight: 0.4, state: { net: 10_000, buying: 20_000, selling: 9000 }, allowed: 0.2 },
  { risk: 'max-net(50%)', weight: -0.9, state: { net: 30_000, selling: 10_000, buying: 9000 }, allowed: -0.7 },
  { risk: 'max-net(50%)', weight: 0.4, state: { net: 10_000, others: others({ net: 30_000 }) }, allowed: 0.4 },
  {
    risk: 'max-net(50%,account)',
    weight: 0.4,
    state: { net: 10_000, others: others({ net: 5000, buying: 15_000, selling: 50_000 }) },
    allowed: 0.2,
  },
  {
    risk: 'max-net(50%,account)',
    weight: -0.9,
    state: { net: 10_000, selling: 5000, others: others({ net: 5000, buying: 50_000, selling: 15_000 }) },
    allowed: -0.45,
  },
  { risk: 'max-position(25%)', weight: 0.2, state: { others: others({ of: new Map([['X', 20_000]]) }) }, allowed: 0.2 },
  {
    risk: 'max-position(25%,account)',
    weight: 0.2,
    state: { others: others({ of: new Map([['X', 20_000]]) }) },
    allowed: 0.05,
  },
  {
    risk: 'max-position(25%,account)',
    weight: 0.2,
    state: { others: others({ of: new Map([['Y', 20_000]]) }) },
    allowed: 0.2,
  },
  // Of the strategy alone, whatever others order.
  { risk: 'max-net(50%)', weight: 0.4, state: { others: others({ buying: 40_000 }) }, allowed: 0.4 },
  { risk: 'max-net(50%)', weight: -0.4, state: { others: others({ selling: 40_000 }) }, allowed: -0.4 },
  // A limit that is exactly met is met.
  { risk: 'max-order($20000)', weight: 0.2, allowed: 0.2 },
  { risk: 'max-quantity(100)', weight: 0.1, allowed: 0.1 },
  { risk: 'max-position(25%)', weight: -0.25, allowed: -0.25 },
  { risk: 'max-gross(150%)', weight: 0.25, state: { gross: 125_000 }, allowed: 0.25 },
  {
    risk: 'max-leverage(2)',
    weight: 0.25,
    state: { gross: 50_000, others: others({ gross: 125_000 }) },
    allowed: 0.25,
  },
  { risk: 'max-positions(2)', weight: 1, state: { positions: 1 }, allowed: 1 },
  { risk: 'price-collar(25%)', weight: 1, price: 125, allowed: 1 },
  { risk: 'price-collar(25%)', weight: 1, price: 75, allowed: 1 },
  { risk: 'price-collar(25%)', weight: 1, price: 74.9, allowed: 0 },
  { risk: 'max-positions(2)', weight: 1, state: { positions: 2 }, allowed: 0 },
  { risk: 'price-collar(2%)', weight: 1, price: 103, allowed: 0 },
  { risk: 'price-collar(2%)', weight: 1, last: 102, allowed: 1 },
  { risk: 'price-collar(2%)', weight: 1, last: Number.NaN, allowed: 0 },
  { risk: 'no-trade(GME,X)', weight: 1, allowed: 0 },
  { risk: 'no-trade(GME,X)', weight: 1, instrument: 'Y', allowed: 1 },
  { risk: 'no-short', weight: -1, allowed: 0 },
  { risk: 'no-short', weight: 1, allowed: 1 },
];

test.each(CASES)('$risk: $weight becomes $allowed', async ({ risk, weight, allowed, state, ...more }) => {
  const rule = await policy(risk);
  const desk = new RiskDesk([rule], EQUITY);
  desk.begin(0, EQUITY);
  Object.assign(desk.state, state);
  const { price = 100, last = 100, instrument = 'X' } = more;
  expect(desk.review(instrument, weight, 100, price, last)).toBeCloseTo(allowed, 12);
  expect(desk.verdicts).toEqual(
    allowed === weight
      ? []
      : [{ instrument, policy: rule.name, wanted: weight, allowed: expect.closeTo(allowed, 12), reason: rule.reason }],
  );
});

test('every policy that reviews says what its limit is', async () => {
  const written: Record<string, string> = { 'no-trade': 'no-trade(X)', 'no-short': 'no-short' };
  for (const { name } of adapters('policy')) {
    if (['settled-cash', 'pattern-day-trader'].includes(name)) written[name] = name;
    const rule = await policy(written[name] ?? `${name}(0.5)`.replace(/(orders|positions|quantity)\(0.5\)/, '$1(2)'));
    if (rule.review !== undefined) expect(rule.reason, name).toBeTruthy();
  }
});

describe('policies that halt', () => {
  const at = (more: Partial<RiskState>): RiskState => ({
    ...new RiskDesk([], EQUITY).state,
    ...{ session: 5, sessionStart: 100, peak: 120, ...more },
  });

  test('daily-loss: below its part of what the session began with, until the next session or a person', async () => {
    const rule = await policy('daily-loss(10%)');
    expect(rule.halts!(at({ equity: 90 }))).toBe(false);
    expect(rule.floor!(at({}))).toBe(90);
    expect(rule.halts!(at({ equity: 89.99 }))).toBe(true);
    expect(rule.halts!(at({ equity: 200 }))).toBe(true);
    expect(rule.floor!(at({}))).toBe(Number.POSITIVE_INFINITY);
    expect(rule.halts!(at({ session: 6, equity: 90 }))).toBe(false);
    rule.recallHalt!(6);
    expect(rule.halts!(at({ session: 6, equity: 90 }))).toBe(true);
    rule.resume!();
    expect(rule.halts!(at({ session: 6, equity: 90 }))).toBe(false);
    expect(rule.lasting).toBeUndefined();
  });

  test('max-drawdown: below its part of the peak, until a person resumes', async () => {
    const rule = await policy('max-drawdown(10%)');
    expect(rule.halts!(at({ equity: 108 }))).toBe(false);
    expect(rule.floor!(at({}))).toBe(108);
    expect(rule.halts!(at({ equity: 107.99 }))).toBe(true);
    expect(rule.halts!(at({ equity: 200, session: 6 }))).toBe(true);
    expect(rule.floor!(at({}))).toBe(Number.POSITIVE_INFINITY);
    rule.resume!();
    expect(rule.halts!(at({ equity: 108 }))).toBe(false);
    expect(rule.lasting).toBe(true);
  });

  test('margin-call: below its part of what is held, for as long', async () => {
    const rule = await policy('margin-call(30%)');
    expect(new RiskDesk([rule], EQUITY).needsExposure).toBe(true);
    expect(rule.halts!(at({ equity: 30, held: 100 }))).toBe(false);
    expect(rule.halts!(at({ equity: 29.99, held: 100 }))).toBe(true);
    expect(rule.halts!(at({ equity: 30, held: 100 }))).toBe(false);
  });

  test('an account with nothing is ruined, whatever the policies', () => {
    const desk = new RiskDesk([], EQUITY);
    expect([desk.observe(0, 0.01, 1, EQUITY), desk.observe(1, 0, 1, EQUITY)]).toEqual([false, true]);
  });

  test('a halt is recalled to the policy of its name', async () => {
    const [lower, higher] = await Promise.all([policy('daily-loss(1%)'), policy('daily-loss(2%)')]);
    const desk = new RiskDesk([{ ...lower, name: 'another' }, higher], EQUITY);
    desk.recallHalt('daily-loss', 3);
    desk.observe(0, EQUITY, 3, EQUITY);
    expect(desk.haltedBy).toBe(higher);
  });
});

test('what others do in the account is read for limits of the account, and for no other', async () => {
  const texts = ['max-leverage(2)', 'settled-cash', 'max-net(50%,account)', 'max-position(25%,account)'];
  for (const text of [...texts, 'max-net(50%)', 'max-position(25%)', 'max-gross(2)'])
    expect(new RiskDesk([await policy(text)], EQUITY).needsAccount, text).toBe(texts.includes(text));
});

test('what a step has approved counts in the reviews after it, and no more in the next step', async () => {
  const ask = async (risk: string, weights: readonly number[], more: Partial<RiskState> = {}) => {
    const desk = new RiskDesk([await policy(risk)], EQUITY);
    const step = () => {
      desk.begin(0, EQUITY);
      Object.assign(desk.state, more);
      return weights.map((weight) => desk.review('X', weight, 100, 100, 100));
    };
    const first = step();
    expect(step(), 'a step later').toEqual(first);
    return first.map((weight) => Math.round(weight * 1e6) / 1e6);
  };
  expect(await ask('max-gross(1)', [0.6, -0.6, 0.1])).toEqual([0.6, -0.4, 0]);
  expect(await ask('max-net(50%)', [0.4, 0.4, -0.8])).toEqual([0.4, 0.1, -0.8]);
  expect(await ask('max-positions(2)', [0.1, 0.1, 0.1])).toEqual([0.1, 0.1, 0]);
  const activity = new SessionActivity(calendarOf('XNYS'));
  expect(await ask('settled-cash', [0.6, 0.6], { activity })).toEqual([0.6, 0.4]);
  // The proceeds of a short sale are no money to spend.
  const desk = new RiskDesk([], EQUITY);
  desk.begin(0, EQUITY);
  desk.review('X', -0.5, 100, 100, 100);
  expect(desk.state.cash).toBe(EQUITY);
});

describe('max-orders', () => {
  test('is told of the orders of its seconds, anew before each decision', async () => {
    const rule = await policy('max-orders(2,30)');
    const desk = new RiskDesk([rule], EQUITY);
    expect(desk.remembers).toBe(30_000);
    const room = (orders: readonly number[]) => {
      desk.recall(orders);
      desk.begin(40_000, EQUITY);
      let left = 0;
      while (desk.review('X', 0.1, 100, 100, 100) !== 0) desk.state.orders = ++left;
      return left;
    };
    expect(room([15_000, 20_000])).toBe(0);
    expect(room([1000, 15_000, 20_000])).toBe(0);
    expect(room([20_000])).toBe(1);
    expect(room([1000, 2000, 20_000])).toBe(1);
    expect(room([])).toBe(2);
    // The same slot once more: what it had planned was not recorded.
    expect(room([])).toBe(2);
  });

  test('counts exits and entries of the last minute, and refuses entries only', async () => {
    const desk = new RiskDesk([await policy('max-orders(3)')], EQUITY);
    const step = (time: number, exits: number, entries: number) => {
      desk.begin(time, EQUITY);
      desk.state.orders = exits;
      const allowed = Array.from({ length: entries }, () => {
        const weight = desk.review('X', 1, 100, 100, 100);
        if (weight !== 0) desk.state.orders++;
        return weight;
      });
      desk.end();
      return allowed;
    };
    expect(step(0, 2, 2)).toEqual([1, 0]);
    expect(step(59_000, 0, 1)).toEqual([0]);
    expect(step(60_000, 0, 4)).toEqual([1, 1, 1, 0]);
  });
});

describe('trades of an account by session', () => {
  const calendar = calendarOf('XNYS');
  /** Ten in the morning in New York. */
  const day = (date: string) => calendar.session(date)!.open + 1_800_000;
  const closeOf = (date: string) => calendar.session(date)!.close;

  test('proceeds settle after one session, since 28 May 2024; two before', () => {
    const activity = new SessionActivity(calendar);
    activity.fill('X', 1, 10, 100, 1, day('2024-05-23'));
    activity.fill('X', -1, 10, 100, 1, day('2024-05-24'));
    expect(activity.unsettled(day('2024-05-24') + 1)).toBe(999);
    // Friday's sale, with Monday a holiday: Tuesday is the first session after it, Wednesday the second.
    expect(activity.unsettled(day('2024-05-28'))).toBe(999);
    expect(activity.unsettled(day('2024-05-29'))).toBe(0);
    activity.fill('Y', -1, 5, 10, 0, day('2024-06-03'));
    expect(activity.unsettled(day('2024-06-03') + 1)).toBe(50);
    // What is decided after the close trades in the next session.
    expect(activity.unsettled(closeOf('2024-06-03'))).toBe(0);
  });

  test('a day trade opens and closes within a session, on either side, once however many parts', () => {
    const activity = new SessionActivity(calendar);
    const at = day('2026-11-23');
    activity.fill('X', 1, 10, 100, 0, at);
    activity.fill('X', -1, 4, 101, 0, at + 1);
    activity.fill('X', -1, 6, 101, 0, at + 2);
    expect(activity.dayTrades(at + 3, 5)).toBe(1);
    activity.fill('Y', -1, 10, 100, 0, at + 3);
    activity.fill('Y', 1, 10, 99, 0, at + 4);
    expect(activity.dayTrades(at + 5, 5)).toBe(2);
    // Closing yesterday's position and opening again is none; closing what was opened then is.
    activity.fill('Z', 1, 1, 10, 0, at + 6);
    activity.fill('Z', -1, 1, 10, 0, day('2026-11-24'));
    activity.fill('Z', 1, 1, 10, 0, day('2026-11-24') + 1);
    expect(activity.dayTrades(day('2026-11-24') + 2, 5)).toBe(2);
    activity.fill('Z', -1, 1, 10, 0, day('2026-11-24') + 3);
    expect(activity.dayTrades(day('2026-11-24') + 4, 5)).toBe(3);
    // 26 November is a holiday: the five sessions that end on the 30th begin on the 23rd.
    expect(activity.dayTrades(day('2026-11-30'), 5)).toBe(3);
    expect(activity.dayTrades(closeOf('2026-11-30'), 5)).toBe(1);
  });

  test('turning a position over opens the other side; a rest that is only noise is none', () => {
    const activity = new SessionActivity(calendar);
    const at = day('2026-11-24');
    activity.fill('X', 1, 10, 100, 0, day('2026-11-23'));
    activity.fill('X', -1, 15, 100, 0, at);
    expect(activity.dayTrades(at + 1, 5)).toBe(0);
    activity.fill('X', 1, 5, 100, 0, at + 1);
    expect(activity.dayTrades(at + 2, 5)).toBe(1);
    for (const [side, units] of [
      [1, 0.3],
      [-1, 0.1],
      [-1, 0.2],
      [1, 0.3],
    ] as const)
      activity.fill('Y', side, units, 100, 0, at + 3);
    expect(activity.dayTrades(at + 4, 5)).toBe(2);
  });

  test('settled-cash cuts to what has settled; pattern-day-trader refuses a small account until the rule ends', async () => {
    const activity = new SessionActivity(calendar);
    const at = day('2026-11-23');
    for (const symbol of ['A', 'B', 'C']) {
      activity.fill(symbol, 1, 10, 100, 0, at);
      activity.fill(symbol, -1, 10, 100, 0, at + 1);
    }
    const ask = async (
      risk: string,
      time: number,
      cash: number,
      equity: number,
      weight = 0.5,
      more: Partial<RiskState> = {},
    ) => {
      const desk = new RiskDesk([await policy(risk)], equity);
      desk.begin(time, cash);
      Object.assign(desk.state, { equity, activity, ...more });
      return desk.review('X', weight, 100, 100, 100);
    };
    expect(await ask('settled-cash', at + 2, 4000, 10_000)).toBeCloseTo(0.1, 12);
    expect(await ask('settled-cash', day('2026-11-24'), 4000, 10_000)).toBeCloseTo(0.4, 12);
    // What works, and what others have ordered, is spent: a quarter and a half of what has settled.
    const spent = { buying: 1000, others: others({ buying: 2000 }) };
    expect(await ask('settled-cash', day('2026-11-24'), 4000, 10_000, 0.5, spent)).toBeCloseTo(0.1, 12);
    expect(await ask('settled-cash', at + 2, 4000, 10_000, -0.5)).toBe(0);
    expect(await ask('pattern-day-trader', at + 2, 4000, 10_000)).toBe(0);
    expect(await ask('pattern-day-trader', at + 2, 40_000, 25_000)).toBe(0.5);
    expect(await ask('pattern-day-trader', at + 2, 40_000, 24_999.99)).toBe(0);
    expect(await ask('pattern-day-trader(4)', at + 2, 4000, 10_000)).toBe(0.5);
    // The venue counts over five sessions, which says nothing of two.
    const told = { venueDayTrades: 4 };
    expect(await ask('pattern-day-trader(4)', at + 2, 4000, 10_000, 0.5, told)).toBe(0);
    expect(await ask('pattern-day-trader(4,$25000,2)', at + 2, 4000, 10_000, 0.5, told)).toBe(0.5);
    expect(await ask('pattern-day-trader(3,$25000,5,2026-11-23)', at + 2, 4000, 10_000)).toBe(0.5);
  });

  test('pattern-day-trader: three day trades in five sessions, over a holiday, until the rule ends', async () => {
    const activity = new SessionActivity(calendar);
    const trade = (symbol: string, opened: string, closed = opened) => {
      activity.fill(symbol, 1, 10, 100, 0, day(opened));
      activity.fill(symbol, -1, 10, 100, 0, day(closed) + 1);
    };
    const ask = async (date: string, later = 2, risk = 'pattern-day-trader') => {
      const desk = new RiskDesk([await policy(risk)], 10_000);
      desk.begin(day(date) + later, 10_000);
      desk.state.activity = activity;
      return desk.review('X', 0.5, 100, 100, 100);
    };
    // Opened on the 20th and closed on the 23rd: held over a weekend, it is none.
    trade('A', '2026-11-20', '2026-11-23');
    for (const date of ['2026-11-23', '2026-11-24']) trade('B', date);
    expect(await ask('2026-11-24')).toBe(0.5);
    trade('C', '2026-11-25');
    expect(await ask('2026-11-25')).toBe(0);
    // Thursday is a holiday: on Monday the 23rd is still one of the five sessions, on Tuesday it is not.
    expect(await ask('2026-11-30')).toBe(0);
    expect(await ask('2026-12-01')).toBe(0.5);
    // The last days of the rule.
    for (const symbol of ['D', 'E', 'F']) trade(symbol, '2027-10-19');
    expect(await ask('2027-10-19')).toBe(0);
    const start = Date.UTC(2027, 9, 20) - day('2027-10-19');
    expect(await ask('2027-10-19', start - 1)).toBe(0);
    expect(await ask('2027-10-19', start)).toBe(0.5);
  });

  test('settled-cash: exactly what has settled may be spent', async () => {
    const activity = new SessionActivity(calendar);
    activity.fill('A', 1, 10, 100, 0, day('2026-11-23'));
    activity.fill('A', -1, 10, 100, 0, day('2026-11-24'));
    const desk = new RiskDesk([await policy('settled-cash')], 10_000);
    const room = (time: number, cash: number, weight: number) => {
      desk.begin(time, cash);
      desk.state.activity = activity;
      return desk.review('X', weight, 100, 100, 100);
    };
    expect(room(day('2026-11-24') + 1, 6000, 0.5)).toBe(0.5);
    expect(room(day('2026-11-24') + 1, 1000, 0.5)).toBe(0);
    // What was bought with it may be sold whenever: an entry is all that is asked about.
    expect(room(day('2026-11-25'), 1000, 0.5)).toBeCloseTo(0.1, 12);
  });
});
