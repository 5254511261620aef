// How often the default gate lets a strategy pass: on markets without an edge, and with a planted one. 20 instruments,
// 8 years of days, 5 bp a side. `--tries=N` (20) markets, `--edge=none|0.63|both`: net Sharpe ratio of one instrument's oracle;
// with 0.63 the portfolio of twenty nets 1.5 on average, `both` is none and that. `--rule=a(1),b(2)`: each rule alone, and the
// best of them with all counted as trials. `--first=N` (1) is the first seed. `--log=FILE` appends each verdict and takes from
// the file what it holds already, so that a long measurement can be done in pieces. Learners: gate-learned.mjs.
import { COMMAND_OPTIONS, parseCall, parseList } from '../../dist/core/config/index.js';
import { create, settings } from '../../dist/core/data/sources/synthetic.js';
import { calendarOf, concatBars, knownAt } from '../../dist/core/domain/index.js';
import { accountColumns } from '../../dist/core/engine/account.js';
import { runBacktest } from '../../dist/core/engine/backtest.js';
import { buildFeed } from '../../dist/core/engine/feed.js';
import { assess, FIGURE_NAMES, parseGate, ResamplingPool, SIGNIFICANCE } from '../../dist/core/evaluation/index.js';
import { ruleModel } from '../../dist/core/models/segmented.js';
import { silentLogger, systemClock } from '../../dist/core/platform/index.js';
import { composeStrategy, strategySettingsOf } from '../../dist/core/stages/compose/strategy.js';
import { composeTrainer } from '../../dist/core/stages/compose/trainer.js';
import { tally, verdictOf } from './gate-tally.mjs';
import { arg } from './harness.mjs';

const rules = parseList(arg('rule', 'momentum(1,short)'));
const gateText = arg('gate', 'default');
const calendar = calendarOf('XNYS');
const symbols = Array.from({ length: 20 }, (_, i) => `S${i + 1}`);
const from = Date.UTC(2012, 0, 1);
const to = Date.UTC(2020, 0, 1);
const execution = strategySettingsOf(
  COMMAND_OPTIONS.backtest.parse({ cash: '1000000', commission: '5bp', fees: 'none', short: true, lot: 'fractional' }),
);

async function market(seed, edge) {
  const source = create(settings.parse({ seed, edge, start: '2012-01-03' }), {
    clock: systemClock,
    logger: silentLogger,
    calendar: calendarOf,
  });
  const instruments = await source.instruments(symbols);
  const parts = new Map(symbols.map((s) => [s, []]));
  const request = { symbols, interval: '1d', scope: 'regular', from, to };
  for await (const block of source.bars(request, new AbortController().signal)) parts.get(block.instrument).push(block);
  const bars = symbols.map((s) => concatBars(parts.get(s)));
  return {
    instruments,
    bars,
    feed: buildFeed(
      instruments,
      bars,
      bars.map((b) => knownAt(b, calendar, 0)),
      calendar,
    ),
  };
}

const pool = new ResamplingPool({ threads: 1, signal: new AbortController().signal, onRows() {} });

const scored = (model, instruments, bars) =>
  bars.map((columns, j) => {
    const out = new Float64Array(columns.time.length);
    model.scorer(instruments[j], calendar).consume(columns, 0, out.length, out);
    return out;
  });

/** Judges every rule on one market by itself and, with all of them counted as trials, the best of them. */
async function oneMarket(seed, edge, gate) {
  const { instruments, bars, feed } = await market(seed, edge);
  const composed = await composeStrategy(execution, 'position', instruments);
  const runs = [];
  for (const text of rules) {
    const { trainer } = await composeTrainer(parseCall(text));
    const model = ruleModel(trainer);
    const signals = { scores: scored(model, instruments, bars), measures: undefined };
    const result = runBacktest(feed, signals, { ...composed, from: 0, to: feed.clock.length, closeAtEnd: false });
    const { equity } = result.equity;
    const returns = equity.map((v, i) => v / (i === 0 ? execution.cash : equity[i - 1]) - 1);
    const mean = returns.reduce((a, b) => a + b, 0) / returns.length;
    const deviation = Math.sqrt(returns.reduce((a, r) => a + (r - mean) ** 2, 0) / (returns.length - 1));
    runs.push({ text, model, signals, result, sharpe: mean / deviation });
  }
  const m = runs.reduce((a, r) => a + r.sharpe, 0) / runs.length;
  const variance = runs.length < 2 ? 0 : runs.reduce((a, r) => a + (r.sharpe - m) ** 2, 0) / (runs.length - 1);
  const shared = { instruments, feed, composed, gate };
  const judged = [];
  for (const run of runs)
    judged.push([run.text, await judge(shared, run, { count: 1, comparable: 1, sharpe_variance: 0 })]);
  if (runs.length > 1) {
    const best = runs.reduce((a, b) => (b.sharpe > a.sharpe ? b : a));
    const trials = { count: runs.length, comparable: runs.length, sharpe_variance: variance };
    judged.push([`best of ${runs.length}`, await judge(shared, best, trials)]);
  }
  return judged;
}

async function judge({ instruments, feed, composed, gate }, { text, model, signals, result }, trials) {
  const to = feed.clock.length;
  const { gross } = accountColumns(feed, result.fills, result.flows, execution.cash, 0, to);
  const { report } = await assess({
    run: {
      id: '0'.repeat(16),
      strategy: text,
      instruments: symbols,
      interval: '1d',
      in_sample: false,
      fill: execution.fill,
      live_order: composed.venue.fill.liveOrder ?? null,
      only_at: null,
      largest_volume_share: result.largestShare,
      halted: result.halted,
      initialEquity: execution.cash,
      costs: result.costs,
      tradedValue: result.turnover,
      ...result.equity,
      gross,
      trades: result.trades,
      fills: result.fills,
      flows: result.flows,
    },
    replay: { feed, model, calendars: instruments.map(() => calendar), signals, ...composed, from: 0, to },
    calendar,
    gate,
    riskFree: 0,
    benchmark: undefined,
    seed: 1,
    trials: { ledger: 'bench', since: '', ...trials },
    neighbours: [],
    retrained: [],
    importance: null,
    provenance: [],
    resample: (job) => pool.run(job),
    async step() {},
  });
  return report;
}

const gate = parseGate([gateText], [...FIGURE_NAMES, ...Object.keys(SIGNIFICANCE)]);
await tally('gate', { gate: gate.name, rules: rules.join() }, async (seed, edge) =>
  (await oneMarket(seed, edge, gate)).map(([name, report]) => verdictOf(name, report)),
);
