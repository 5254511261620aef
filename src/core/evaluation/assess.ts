import type { TradingCalendar } from '../domain/calendar.js';
import type { BacktestResult } from '../engine/backtest.js';
import type { FillColumns, FlowColumns } from '../engine/recorder.js';
import type { TradeColumns } from '../market/index.js';
import { isoTime } from '../platform/clock.js';
import { type Gate, type GateCheck, judge } from './gates/index.js';
import type { PageSeries } from './html/index.js';
import {
  computeFigures,
  perInstrument,
  type SessionAxis,
  sessionAxis,
  sessionOfMarks,
  sessionReturns,
  sharpe,
  underwater,
} from './metrics/index.js';
import type { HonestyResult, ProvenanceStep, ReportDocument } from './report/index.js';
import {
  ADDED_COSTS,
  buyAndHold,
  costCurve,
  delayTest,
  heldPositions,
  labelShift,
  lateStart,
  type Replay,
  reproduces,
  rerun,
  type Scored,
  scrambling,
  truncation,
} from './robustness/index.js';
import {
  equityFan,
  overfittingProbability,
  type SignificanceReasons,
  type SignificanceValues,
  significanceFigures,
} from './significance/index.js';
import { quantileSorted } from './stats.js';

export interface AssessedRun extends Omit<ReportDocument['run'], never> {
  readonly initialEquity: number;
  readonly costs: number;
  readonly tradedValue: number;
  readonly time: Float64Array;
  readonly equity: Float64Array;
  readonly gross: Float64Array;
  readonly trades: TradeColumns;
  readonly fills: FillColumns;
  readonly flows: FlowColumns;
}

/** Session returns of all trials on the same bars, this run's among them; none where they are not comparable. */
export interface TrialReturns {
  readonly columns: readonly Float64Array[];
  readonly hash: string;
}

export interface Neighbour {
  readonly strategy: string;
  readonly signals: Replay['signals'];
}

export interface AssessInput {
  readonly run: AssessedRun;
  readonly replay: Replay;
  readonly calendar: TradingCalendar;
  readonly gate: Gate;
  readonly riskFree: number;
  /** Index of the benchmark's instrument; undefined: all of the run's own. */
  readonly benchmark: number | undefined;
  readonly seed: number;
  readonly trials: ReportDocument['trials'];
  readonly trialReturns?: TrialReturns;
  /** Rules with slightly different arguments; empty for what has none. */
  readonly neighbours: readonly Neighbour[];
  /** Of an agent: the policies of its seeds and what they must beat; empty for others. */
  readonly policies?: readonly Neighbour[];
  /** Checks that need more than a replay: those that train again. */
  readonly retrained: readonly HonestyResult[];
  readonly provenance: readonly ProvenanceStep[];
  onStep(text: string): void;
}

export interface Assessment {
  readonly report: ReportDocument;
  readonly series: PageSeries;
}

/** Everything a report says about one run. Pure: equal inputs give equal documents. */
export function assess(input: AssessInput): Assessment {
  const { run, replay, calendar, riskFree, seed } = input;
  const axis = sessionAxis(calendar, run.time);
  const members = input.benchmark === undefined ? undefined : [input.benchmark];
  const benchmark = buyAndHold(replay.feed, replay.from, replay.to, run.initialEquity, members);
  const figures = computeFigures({
    initialEquity: run.initialEquity,
    time: run.time,
    equity: run.equity,
    gross: run.gross,
    benchmark,
    benchmarkInitial: run.initialEquity,
    trades: run.trades,
    tradedValue: run.tradedValue,
    costs: run.costs,
    sessions: axis,
    riskFree,
  });
  const sessionOf = sessionOfMarks(run.time, axis);
  const score = scorer(axis, sessionOf, run.initialEquity, riskFree);

  input.onStep('resampling');
  const { returns } = figures.session;
  const significance = significanceFigures({
    returns,
    periodsPerYear: axis.periodsPerYear,
    riskFreePerPeriod: riskFree / axis.periodsPerYear,
    tradePnl: run.trades.pnl,
    initialEquity: run.initialEquity,
    trials: input.trials === null ? null : { ...input.trials, sharpeVariance: input.trials.sharpe_variance },
    held: heldPositions(replay.feed, run.fills, run.flows, run.equity, replay.from, replay.to),
    seed,
  });

  input.onStep('costs and delay');
  const costs = costCurve(replay, score);
  const delays = delayTest(replay, score);
  const rescored = ({ strategy, signals }: Neighbour) => ({ strategy, ...score(rerun(replay, { signals })) });
  const neighbours = input.neighbours.map(rescored);
  const policies = (input.policies ?? []).map(rescored);

  input.onStep('honesty checks');
  const honesty = [
    reproduces(replay, run.equity),
    truncation(replay),
    scrambling(replay, seed),
    lateStart(replay),
    labelShift(replay),
    ...input.retrained,
  ];
  const overfitting = overfittingOf(input.trialReturns);
  const robust = robustFigures(costs, delays, neighbours, run.trades.pnl.length, overfitting?.pbo);
  const values = { ...figures.values, ...significance.values, ...robust.values };
  const reasons = { ...figures.reasons, ...significance.reasons, ...robust.reasons };
  const verdict = judge(input.gate, values, reasons, checksOf(run, honesty));
  const instruments = replay.feed.instruments.map(({ id }) => id);
  return {
    report: {
      schema: 1,
      run: {
        id: run.id,
        strategy: run.strategy,
        instruments: run.instruments,
        interval: run.interval,
        in_sample: run.in_sample,
        fill: run.fill,
        live_order: run.live_order,
        largest_volume_share: run.largest_volume_share,
        halted: run.halted,
      },
      verdict,
      figures: values,
      reasons,
      convention: {
        periods_per_year: axis.periodsPerYear,
        risk_free: riskFree,
        calendar: calendar.id,
        first_session: axis.dates[0]!,
        last_session: axis.dates.at(-1)!,
        initial_equity: run.initialEquity,
        sessions_without_mark: figures.session.sessionsWithoutMark,
        ruined: figures.session.ruined === undefined ? null : axis.dates[figures.session.ruined]!,
        benchmark: `buy and hold of ${members === undefined ? (instruments.length === 1 ? instruments[0] : 'all instruments, equal parts') : instruments[members[0]!]}`,
      },
      months: [...figures.months],
      years: [...figures.years],
      drawdowns: figures.drawdowns.map((d) => ({
        ...d,
        start: isoTime(d.start),
        trough: isoTime(d.trough),
        end: d.end === null ? null : isoTime(d.end),
      })),
      instruments: [...perInstrument(run.trades, instruments, run.initialEquity)],
      trials: input.trials,
      costs: costs.points.map(({ added, ...p }) => ({ added, ...scored(p) })),
      delays: delays.map(({ bars, ...p }) => ({ bars, ...scored(p) })),
      neighbours: neighbours.map(({ strategy, ...p }) => ({ strategy, ...scored(p) })),
      policies: policies.map(({ strategy, ...p }) => ({ strategy, ...scored(p) })),
      honesty,
      provenance: [...input.provenance],
    },
    series: {
      dates: axis.dates,
      equity: figures.session.equity,
      benchmark: sessionReturns(benchmark, sessionOf, axis.dates.length, run.initialEquity).equity,
      returns,
      underwater: underwater(figures.session.equity, run.initialEquity),
      exposure: sessionReturns(run.gross, sessionOf, axis.dates.length, 0).equity.map((g, s) => {
        const worth = figures.session.equity[s]!;
        return worth > 0 ? g / worth : 0;
      }),
      instruments: replay.feed.bars.map((bars, j) => ({ bars, trades: tradesOf(run.trades, j) })),
      ...(overfitting !== undefined && { logits: overfitting.logits }),
      ...(returns.length >= 20 && {
        fan: equityFan(returns, run.initialEquity, { block: significance.block, samples: 500, seed }),
      }),
    },
  };
}

const scored = (p: Scored) => ({
  total_return: p.totalReturn,
  sharpe: Number.isFinite(p.sharpe) ? p.sharpe : null,
});

function scorer(axis: SessionAxis, sessionOf: Int32Array, initial: number, riskFree: number) {
  return (result: BacktestResult): Scored => {
    const { returns, equity } = sessionReturns(result.equity.equity, sessionOf, axis.dates.length, initial);
    return {
      totalReturn: equity[equity.length - 1]! / initial - 1,
      sharpe: returns.length < 2 ? Number.NaN : sharpe(returns, axis.periodsPerYear, riskFree / axis.periodsPerYear),
    };
  };
}

function robustFigures(
  costs: ReturnType<typeof costCurve>,
  delays: ReturnType<typeof delayTest>,
  neighbours: readonly Scored[],
  trades: number,
  pbo: number | undefined,
): { values: SignificanceValues; reasons: SignificanceReasons } {
  const values: SignificanceValues = {};
  const reasons: SignificanceReasons = {};
  const set = (name: keyof SignificanceValues, value: number | null, why: string) => {
    values[name] = value !== null && Number.isFinite(value) ? value : null;
    if (values[name] === null) reasons[name] = why;
  };
  // Beyond the last point the return is still there: the figure is capped at it.
  set('break_even_cost', trades === 0 ? null : (costs.breakEven ?? ADDED_COSTS.at(-1)!), 'no trades');
  const names = ['delay_half_sharpe', 'delay_1_sharpe', 'delay_2_sharpe'] as const;
  for (const [i, name] of names.entries()) set(name, delays[i]!.sharpe, 'that late, the returns do not vary');
  const around = Float64Array.from(neighbours, (n) => (Number.isFinite(n.sharpe) ? n.sharpe : 0)).sort();
  set(
    'neighbour_sharpe',
    around.length === 0 ? null : quantileSorted(around, 0.5),
    'not applicable: the strategy has no numeric arguments of a rule',
  );
  set('pbo', pbo ?? null, 'not applicable: fewer than ten trials on these bars, or fewer than 64 sessions');
  return { values, reasons };
}

/** CSCV over the trials: sixteen blocks, or eight where the sessions are few. */
function overfittingOf(trials: TrialReturns | undefined) {
  const sessions = trials?.columns[0]?.length ?? 0;
  if (trials === undefined || trials.columns.length < 2 || sessions < 64) return undefined;
  return overfittingProbability(trials.columns, sessions < 320 ? 8 : 16);
}

function checksOf(run: AssessedRun, honesty: readonly HonestyResult[]): GateCheck[] {
  return [
    {
      name: 'out_of_sample',
      pass: !run.in_sample,
      reason: run.in_sample
        ? 'the run was made with --in-sample: the model was trained on its bars'
        : 'no bar was scored by a model trained on it',
    },
    {
      name: 'live_order',
      pass: run.live_order !== null,
      reason:
        run.live_order === null
          ? `no live order does what the fill model ${run.fill} assumes`
          : `fills of ${run.fill} are realised by: ${run.live_order}`,
    },
    ...honesty.filter((h) => !h.pass).map((h) => ({ name: `honesty:${h.name}`, pass: false, reason: h.detail })),
  ];
}

function tradesOf(trades: TradeColumns, j: number) {
  const rows = [];
  for (let i = 0; i < trades.pnl.length; i++) {
    if (trades.instrument[i] !== j) continue;
    rows.push({
      side: trades.side[i]!,
      entryTime: trades.entryTime[i]!,
      entryPrice: trades.entryPrice[i]!,
      exitTime: trades.exitTime[i]!,
      exitPrice: trades.exitPrice[i]!,
    });
  }
  return rows;
}
