import type { TradingCalendar } from '../domain/calendar.js';
import type { BacktestResult } from '../engine/backtest.js';
import type { FillColumns, FlowColumns } from '../engine/recorder.js';
import type { TradeColumns } from '../market/index.js';
import type { PathStatistics } from '../models/splits/index.js';
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
import type { ResamplingJob } from './resampling/index.js';
import {
  ADDED_COSTS,
  buyAndHold,
  type CostCurve,
  costCurve,
  DELAYS,
  type DelayTest,
  delayTest,
  frictionless,
  heldPositions,
  labelShift,
  lateStart,
  paidPerFill,
  type Replay,
  reproduces,
  rerun,
  type Scored,
  type ScoredPath,
  scrambling,
  type TradedPaths,
  tradePaths,
  truncation,
} from './robustness/index.js';
import { type SignificanceReasons, type SignificanceValues, significanceFigures } from './significance/index.js';
import { quantileSorted } from './stats.js';
import { type ComparedTrials, compareTrials, FEW_TRIALS, type StudyReturns, type TrialReturns } from './trials.js';

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
  readonly studyReturns?: StudyReturns | undefined;
  /** Rules with slightly different arguments; empty for what has none. */
  readonly neighbours: readonly Neighbour[];
  /** Of an agent: the policies of its seeds and what they must beat; empty for others. */
  readonly policies?: readonly Neighbour[];
  /** Paths of the model's combinatorial folds; empty for others. */
  readonly paths?: readonly ScoredPath[];
  /** Checks that need more than a replay: those that train again. */
  readonly retrained: readonly HonestyResult[];
  readonly importance: ReportDocument['importance'];
  readonly provenance: readonly ProvenanceStep[];
  /** Computes a table of resamples: on threads, or where the caller is. */
  resample(job: ResamplingJob): Promise<Float64Array>;
  /** Called before each part of the work; what it throws ends the assessment. */
  step(text: string, done?: number, total?: number): Promise<void>;
}

export interface Assessment {
  readonly report: ReportDocument;
  readonly series: PageSeries;
}

/** Everything a report says about one run. Pure: equal inputs give equal documents. */
export async function assess(input: AssessInput): Promise<Assessment> {
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

  await input.step('resampling');
  const { returns } = figures.session;
  const significance = await significanceFigures({
    returns,
    periodsPerYear: axis.periodsPerYear,
    riskFreePerPeriod: riskFree / axis.periodsPerYear,
    tradePnl: run.trades.pnl,
    initialEquity: run.initialEquity,
    trials: input.trials === null ? null : { ...input.trials, sharpeVariance: input.trials.sharpe_variance },
    held: heldPositions(replay.feed, run.fills, run.flows, run.equity, replay.from, replay.to),
    seed,
    resample: input.resample,
  });

  let reruns = 0;
  const policyRuns = input.policies ?? [];
  const total = ADDED_COSTS.length + DELAYS.length + 1 + input.neighbours.length + policyRuns.length;
  const pause = () => input.step('running again under other conditions', reruns++, total);
  const costs = await costCurve(replay, score, pause);
  const delays = await delayTest(replay, score, costs.points[0]!, pause);
  await pause();
  const paid = paidPerFill(
    returns,
    score(rerun(replay, { venue: frictionless(replay.venue) })).returns,
    ((figures.values.turnover ?? 0) * returns.length) / axis.periodsPerYear,
  );
  const rescored = async (all: readonly Neighbour[]) => {
    const out = [];
    for (const { strategy, signals } of all) {
      await pause();
      out.push({ strategy, ...score(rerun(replay, { signals })) });
    }
    return out;
  };
  const neighbours = await rescored(input.neighbours);
  const policies = await rescored(policyRuns);
  const paths = await tradePaths(replay, input.paths ?? [], { calendar, cash: run.initialEquity, riskFree }, (p, n) =>
    input.step('paths of cross-validation', p, n),
  );

  const honesty: HonestyResult[] = [];
  const checks = [
    () => reproduces(replay, run.equity),
    () => truncation(replay),
    () => scrambling(replay, seed),
    () => lateStart(replay),
    () => labelShift(replay),
  ];
  for (const [k, check] of checks.entries()) {
    await input.step('honesty checks', k, checks.length);
    honesty.push(check());
  }
  honesty.push(...input.retrained);
  await input.step('comparing with other trials');
  const held = sessionReturns(benchmark, sessionOf, axis.dates.length, run.initialEquity);
  const compared = await compareTrials(
    input.trialReturns,
    input.studyReturns,
    held.returns,
    { block: significance.block, seed },
    input.resample,
  );
  const robust = robustFigures(costs, delays, paid, neighbours, run.trades.pnl.length, compared);
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
        only_at: run.only_at,
        largest_volume_share: run.largest_volume_share,
        detail: run.detail,
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
      selections: compared.selections.map(({ of, trials, sessions, result }) => ({
        ...{ of, trials, sessions, blocks: result.blocks },
        ...{ pbo: result.pbo, probability_of_loss: result.probabilityOfLoss },
      })),
      costs: costs.points.map(({ added, ...p }) => ({ added, ...scored(p) })),
      delays: delays.points.map(({ bars, ...p }) => ({ bars, ...scored(p) })),
      neighbours: neighbours.map(({ strategy, ...p }) => ({ strategy, ...scored(p) })),
      policies: policies.map(({ strategy, ...p }) => ({ strategy, ...scored(p) })),
      paths: paths === undefined ? null : pathFigures(paths.statistics),
      importance: input.importance,
      honesty,
      provenance: [...input.provenance],
    },
    series: {
      dates: axis.dates,
      equity: figures.session.equity,
      benchmark: held.equity,
      returns,
      underwater: underwater(figures.session.equity, run.initialEquity),
      exposure: sessionReturns(run.gross, sessionOf, axis.dates.length, 0).equity.map((g, s) => {
        const worth = figures.session.equity[s]!;
        return worth > 0 ? g / worth : 0;
      }),
      instruments: replay.feed.bars.map((bars, j) => ({ bars, trades: tradesOf(run.trades, j) })),
      ...(compared.worst !== undefined && { logits: compared.worst.result.logits }),
      ...(significance.fan !== undefined && { fan: significance.fan }),
      ...(paths !== undefined && { cpcv: paths.curves }),
    },
  };
}

const scored = (p: Scored) => ({
  total_return: p.totalReturn,
  sharpe: Number.isFinite(p.sharpe) ? p.sharpe : null,
});

const pathFigures = ({ total_return, sharpe }: TradedPaths['statistics']): ReportDocument['paths'] => {
  const named = ({ paths: _, ...rest }: PathStatistics) => rest;
  return { count: sharpe.paths, total_return: named(total_return), sharpe: named(sharpe) };
};

/** Scored, with the session returns behind it. */
interface Rescored extends Scored {
  readonly returns: Float64Array;
}

function scorer(axis: SessionAxis, sessionOf: Int32Array, initial: number, riskFree: number) {
  return (result: BacktestResult): Rescored => {
    const { returns, equity } = sessionReturns(result.equity.equity, sessionOf, axis.dates.length, initial);
    return {
      returns,
      totalReturn: equity[equity.length - 1]! / initial - 1,
      sharpe: returns.length < 2 ? Number.NaN : sharpe(returns, axis.periodsPerYear, riskFree / axis.periodsPerYear),
    };
  };
}

/** Costs below this are not believed: about what trading liquid stocks takes a side. */
const LEAST_COST = 0.0005;

function robustFigures(
  costs: CostCurve,
  delays: DelayTest,
  paid: number,
  neighbours: readonly Scored[],
  trades: number,
  compared: ComparedTrials,
): { values: SignificanceValues; reasons: SignificanceReasons } {
  const values: SignificanceValues = {};
  const reasons: SignificanceReasons = {};
  const set = (name: keyof SignificanceValues, value: number | null, why: string) => {
    values[name] = value !== null && Number.isFinite(value) ? value : null;
    if (values[name] === null) reasons[name] = why;
  };
  // Beyond the last point the return is still there: the figure is capped at it.
  const borne = costs.breakEven ?? ADDED_COSTS.at(-1)!;
  const traded = trades > 0;
  set('break_even_cost', traded ? borne : null, 'no trades');
  set('paid_cost', paid, 'nothing was traded');
  set('cost_cover', traded ? (borne > 0 ? (paid + borne) / Math.max(paid, LEAST_COST) : 0) : null, 'no trades');
  set('break_even_delay', traded ? (delays.breakEven ?? DELAYS.at(-1)!) : null, 'no trades');
  for (const { bars, sharpe } of delays.points) {
    if (bars === 0.25) continue;
    const name = bars === 0.5 ? 'delay_half_sharpe' : bars === 1 ? 'delay_1_sharpe' : 'delay_2_sharpe';
    set(name, sharpe, 'that late, the returns do not vary');
  }
  const around = Float64Array.from(neighbours, (n) => (Number.isFinite(n.sharpe) ? n.sharpe : 0)).sort();
  set(
    'neighbour_sharpe',
    around.length === 0 ? null : quantileSorted(around, 0.5),
    'not applicable: the strategy has no numeric arguments of a rule',
  );
  set('pbo', compared.worst?.result.pbo ?? null, compared.none);
  set('spa_p', compared.superior?.pValue ?? null, FEW_TRIALS);
  return { values, reasons };
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
