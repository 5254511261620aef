import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../../src/core/artifacts/index.js';
import { compareTrades, parseDriftGate, type TradedOrder } from '../../../../src/core/evaluation/index.js';
import { drift } from '../../../../src/core/stages/drift.js';
import { trade } from '../../../../src/core/stages/trade.js';
import { openJournal, streamOf } from '../../../../src/core/state/index.js';
import { optionsOf, testRuntime } from '../../../support/workspace.js';
import { spyRun } from './fixture.js';

const SCOPE = { venue: 'sim', account: 'd', strategy: 'd' };

describe('a session at the simulated venue', () => {
  const runtime = testRuntime({}, true);
  afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));
  let run: Artifact;
  beforeAll(async () => {
    run = await spyRun(runtime, { stopLoss: '1%', takeProfit: '2%', slippage: '2bp', from: '2018-06-01' });
    const start = (until: string) =>
      trade(optionsOf('trade', { run: run.path, strategy: 'd', set: { account: 'd' }, until }), runtime);
    await start('2018-08-15');
    await start('2018-12-20');
  });
  const judged = (more: Record<string, unknown> = {}, journal = runtime.journal) =>
    drift(optionsOf('evaluate', { live: true, strategy: 'd', ...more }), { ...runtime, journal });

  test('has no drift at all, over restarts and with protection', async () => {
    const result = await judged();
    expect(result.figures).toEqual({
      ...{ matched_trades: result.trades.length, missing_trades: 0, extra_trades: 0, missed_slots: 0 },
      slippage: 0,
      drift_cost: expect.closeTo(0, 8),
      quantity_drift: expect.closeTo(0, 8),
      equity_drift: expect.closeTo(0, 10),
    });
    expect(result.trades.length).toBeGreaterThan(8);
    expect(new Set(result.trades.map(({ leg }) => leg))).toEqual(new Set(['entry', 'exit', 'stop', 'target']));
    expect(result.exit).toBe('ok');
    const part = await judged({ from: '2018-09-03', to: '2018-10-31' });
    expect(part.exit).toBe('ok');
    expect(part.trades.length).toBeLessThan(result.trades.length);
    expect(part.slots).toBeLessThan(result.slots);
  });

  test('has none over another model, other settings and further risk policies either', async () => {
    const first = await spyRun(runtime, { stopLoss: '3%', from: '2018-06-01' });
    const second = await spyRun(runtime, { takeProfit: '4%', from: '2018-06-01' }, 'sma-cross(5,15)');
    const start = (from: Artifact, until: string, more: Record<string, unknown> = {}) =>
      trade(optionsOf('trade', { run: from.path, strategy: 'e', set: { account: 'e' }, until, ...more }), runtime);
    await start(first, '2018-08-08');
    await start(second, '2018-10-10');
    await start(second, '2018-12-20', { risk: 'max-position(30%)' });
    const result = await judged({ strategy: 'e' });
    expect(result.sources).toEqual([first.id, second.id, second.id]);
    expect(result.figures).toMatchObject({ missing_trades: 0, extra_trades: 0, missed_slots: 0, slippage: 0 });
    expect(result.figures.quantity_drift).toBeCloseTo(0, 8);
    expect(result.figures.equity_drift).toBeCloseTo(0, 10);
    expect(result.trades.length).toBeGreaterThan(8);
    const largest = Math.max(
      ...result.trades
        .filter(({ actual }) => actual!.slot > Date.UTC(2018, 9, 11))
        .map(({ actual }) => actual!.quantity * actual!.price),
    );
    expect(largest).toBeLessThan(40_000);
    expect(result.exit).toBe('ok');
  });

  test('planted differences show one by one, and fail the gate', async () => {
    const source = await openJournal(runtime.journal);
    const location = join(runtime.workspace, 'planted.sqlite');
    const copy = await openJournal(location);
    const lease = (await copy.acquireLease(streamOf(SCOPE), 'test', 0, 1e15))!;
    const decisions = await source.events({ scope: SCOPE, types: ['decision'] });
    const all = (await source.orders({ scope: SCOPE })).filter(({ status }) => status === 'filled');
    const fills = await source.fills({ scope: SCOPE });
    const [dear, lost] = all.filter(({ leg }) => leg === 'entry');
    const quiet = decisions.findIndex(
      ({ body }, i) => i > 3 && !all.some(({ slot }) => slot === (body as { slot: number }).slot),
    );
    for (const [i, { body, time }] of decisions.entries()) {
      if (i === quiet) continue;
      const { slot, report, body: inner } = body as { slot: number; report: string; body: unknown };
      const placed = all.filter((order) => order.slot === slot && order !== lost);
      const intents = placed.map(({ leg, request }) => ({ leg, request }));
      const { orders } = await copy.recordDecision(SCOPE, lease, { slot, report, time, body: inner }, intents);
      await copy.markSending(
        orders.map(({ clientOrderId }) => clientOrderId),
        lease,
        time,
      );
      for (const [k, order] of orders.entries()) {
        const { clientOrderId } = placed[k]!;
        const own = fills.filter((fill) => fill.clientOrderId === clientOrderId);
        const price = (text: string) => (clientOrderId === dear!.clientOrderId ? String(Number(text) * 1.01) : text);
        await copy.recordExecutions(
          own.map(({ executionId, instrument, side, quantity, time: at, kind, costs, price: paid }) => ({
            ...{ executionId, clientOrderId: order.clientOrderId, instrument, side, quantity, time: at, kind },
            ...{ price: price(paid), ...(costs !== undefined && { costs }) },
          })),
          time,
        );
      }
    }
    await source.close();
    await copy.close();
    const result = await judged({}, location);
    expect(result.figures).toMatchObject({ missing_trades: 1, extra_trades: 0, missed_slots: 1, quantity_drift: 0 });
    expect(result.missed).toEqual([(decisions[quiet]!.body as { slot: number }).slot]);
    const worst = result.trades.find(({ slippage }) => slippage > 0.001)!;
    expect(worst.slippage).toBeCloseTo(0.01, 10);
    expect(worst.actual!.slot).toBe(dear!.slot);
    expect(result.figures.drift_cost).toBeCloseTo(worst.cost, 8);
    expect(result.trades.find(({ actual }) => actual === undefined)!.expected!.slot).toBe(lost!.slot);
    expect(result.exit).toBe('gate');
    expect(result.verdict.failed).toEqual(expect.arrayContaining(['missing_trades<=0', 'missed_slots<=0']));
    const lenient = await judged({ gate: ['missing_trades<=1', 'slippage<=2%'] }, location);
    expect(lenient).toMatchObject({ exit: 'ok', verdict: { gate: 'custom' } });
  });

  test('what cannot be compared says why', async () => {
    await expect(judged({ strategy: 'x' })).rejects.toMatchObject({ code: 'NO_DATA' });
    await expect(judged({ gate: ['sharpe>=1'] })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('pairs', () => {
  const order = (more: Partial<TradedOrder>): TradedOrder => ({
    ...{ instrument: 'X', leg: 'entry', side: 1, slot: 1, quantity: 10, price: 100, costs: 1, time: 2 },
    ...more,
  });

  test('a sale below the model is worse, protection pairs by its order, the rest is missing or extra', () => {
    const expected = [
      order({}),
      order({ leg: 'stop', side: -1, slot: 5, time: 5 }),
      order({ leg: 'exit', side: -1, slot: 9, time: 9 }),
    ];
    const actual = [
      order({ price: 101, costs: 3 }),
      order({ leg: 'stop', side: -1, slot: 7, time: 7, price: 99 }),
      order({ leg: 'exit', side: -1, slot: 8, time: 8 }),
    ];
    const pairs = compareTrades(expected, actual);
    expect(pairs.map(({ leg, slippage, cost }) => [leg, slippage, cost])).toEqual([
      ['entry', 0.01, 12],
      ['stop', 0.01, 10],
      ['exit', Number.NaN, Number.NaN],
      ['exit', Number.NaN, Number.NaN],
    ]);
  });

  test('conditions join or replace those of the gate', () => {
    for (const [text, threshold] of [
      ['slippage<=5%', 0.05],
      ['slippage<=5bp', 0.0005],
      ['slippage<=0.001', 0.001],
    ] as const) {
      const found = parseDriftGate(['default', text]).conditions.find(({ figure }) => figure === 'slippage');
      expect(found).toMatchObject({ threshold });
    }
    expect(parseDriftGate(['default']).conditions).toHaveLength(5);
  });
});
