import type { Artifact } from '../artifacts/index.js';
import type { EvaluateOptions } from '../config/index.js';
import type { OpenDataset } from '../data/dataset.js';
import { openDataset } from '../data/open.js';
import { timeRange } from '../data/range.js';
import { type BacktestResult, runBacktest } from '../engine/backtest.js';
import { firstTickAt, type MarketFeed } from '../engine/feed.js';
import { decisionBodySchema } from '../engine/live/memory.js';
import { LEGS } from '../engine/order-log.js';
import { QuantlineError } from '../errors/index.js';
import {
  compareTrades,
  type DriftFigure,
  driftFigures,
  judge,
  NOT_APPLICABLE,
  parseDriftGate,
  type TradeDrift,
  type TradedOrder,
  type Verdict,
} from '../evaluation/index.js';
import type { Journal, JournalEvent, StrategyScope } from '../state/index.js';
import { detailOf } from './compose/detail.js';
import { noStrategy, someScopes, withJournal } from './compose/journal.js';
import { feedOf, returnCalendar, signalsOf } from './compose/market.js';
import { checkFits, type OpenModel, openModel } from './compose/model.js';
import { openRunHead, type RunHead } from './compose/run.js';
import { composeStrategy } from './compose/strategy.js';
import type { Runtime } from './runtime.js';

export interface DriftResult {
  readonly scope: StrategyScope;
  /** Reports or runs that decided, in turn; one as often as it was traded again, with another model, say. */
  readonly sources: readonly string[];
  /** First and last slot that were compared, epoch ms. */
  readonly from: number;
  readonly to: number;
  readonly slots: number;
  /** Slots of the market in which nothing was decided. */
  readonly missed: readonly number[];
  readonly trades: readonly TradeDrift[];
  readonly figures: Readonly<Record<DriftFigure, number | null>>;
  readonly verdict: Verdict;
  /** `gate` (exit 5) where the verdict is a fail. */
  readonly exit: 'ok' | 'gate';
}

interface Decided {
  readonly slot: number;
  readonly report: string;
  /** undefined: the report's own. */
  readonly model: string | undefined;
  /** Risk policies as they were traded; undefined: those of the run. */
  readonly risk: readonly string[] | undefined;
  readonly equity: number;
}

/**
 * `quantline evaluate --live`: replays what was traded through the backtest runner, from the strategy's first decision
 * with the money it had then, report after report and model after model as they were traded, and holds every fill
 * against what the model says.
 */
export async function drift(options: EvaluateOptions, runtime: Runtime): Promise<DriftResult> {
  const gate = parseDriftGate(options.gate);
  return withJournal(
    runtime,
    () => Promise.reject(noStrategy(options, [])),
    async (journal) => {
      const scope = await oneScope(journal, options);
      const decisions = await decisionsOf(journal, scope);
      const stretches = stretchesOf(decisions);
      const { dataset, opened } = await openStretches(stretches, options, runtime);
      // Costs and fills are those of the newest run.
      const newest = opened.at(-1)!.source;
      const feed = { ...feedOf(dataset), detail: await detailOf(runtime, dataset, newest) };
      const { from, to } = timeRange(options, returnCalendar(dataset), dataset.scope, Number.POSITIVE_INFINITY);
      const first = decisions[0]!;
      const last = decisions.findLast(({ slot }) => slot <= to) ?? first;
      const ticks = { from: firstTickAt(feed, first.slot), to: firstTickAt(feed, last.slot) + 1 };
      checkCovered(feed, last.slot);
      const result = await replay(opened, { feed, dataset, ticks, cash: first.equity });
      const inside = (time: number) => time >= Math.max(from, first.slot) && time <= Math.min(to, last.slot);
      const decided = new Set(decisions.map(({ slot }) => slot));
      const missed = Array.from(feed.clock.subarray(ticks.from, ticks.to)).filter((t) => inside(t) && !decided.has(t));
      const expected = expectedOrders(result, dataset).filter(({ slot }) => inside(slot));
      const actual = (await actualOrders(journal, scope, first.slot)).filter(({ slot }) => inside(slot));
      const trades = compareTrades(expected, actual);
      const figures = driftFigures(trades, {
        missed: missed.length,
        equity: last.equity,
        expectedEquity: result.equity.equity.at(-1)!,
      });
      const none = `${NOT_APPLICABLE}: nothing was traded`;
      const verdict = judge(gate, figures, { slippage: none, drift_cost: none, quantity_drift: none });
      const slots = decisions.filter(({ slot }) => inside(slot)).length;
      const exit = verdict.pass ? 'ok' : 'gate';
      return {
        ...{ scope, sources: stretches.map(({ report }) => report), slots, missed, trades, figures, verdict, exit },
        from: Math.max(first.slot, from),
        to: Math.min(last.slot, to),
      };
    },
  );
}

async function oneScope(journal: Journal, options: EvaluateOptions): Promise<StrategyScope> {
  const scopes = await someScopes(journal, options);
  if (scopes.length === 1) return scopes[0]!;
  const names = scopes.map(({ strategy, venue, account }) => `${strategy} at ${venue} (${account})`);
  throw new QuantlineError('USAGE', `Which of them? ${names.join(', ')}.`, { hint: 'Add --strategy, and --broker.' });
}

async function decisionsOf(journal: Journal, scope: StrategyScope): Promise<readonly Decided[]> {
  const events = await journal.events({ scope, types: ['decision'] });
  const decided = (event: JournalEvent): Decided => {
    const { slot, report, body } = event.body as { slot: number; report: string; body: unknown };
    const { memory, model, risk } = decisionBodySchema.parse(body);
    return { slot, report, model, risk, equity: memory.equity };
  };
  if (events.length > 0) return events.map(decided);
  throw new QuantlineError('NO_DATA', `${scope.strategy} has decided nothing yet at ${scope.venue}.`, {
    hint: 'Trade first; there is nothing to compare.',
  });
}

/** The decisions with which another report, model or set of policies began. */
function stretchesOf(decisions: readonly Decided[]): readonly Decided[] {
  const key = ({ report, model, risk }: Decided) => JSON.stringify([report, model ?? null, risk ?? null]);
  return decisions.filter((one, i) => i === 0 || key(one) !== key(decisions[i - 1]!));
}

interface Opened {
  readonly slot: number;
  readonly source: RunHead;
  readonly risk: readonly string[];
  readonly model: OpenModel;
}

/** What decided in each stretch, and the bars for all of them: those named by --data, or the newest stretch's own. */
async function openStretches(
  stretches: readonly Decided[],
  { data }: EvaluateOptions,
  runtime: Runtime,
): Promise<{ readonly dataset: OpenDataset; readonly opened: readonly Opened[] }> {
  const { artifacts } = runtime;
  const reports = new Set((await artifacts.list('report')).map(({ id }) => id));
  const opened: Opened[] = [];
  let pinned: Artifact | undefined;
  for (const { slot, report, model: decided, risk } of stretches) {
    const runArtifact = reports.has(report)
      ? await artifacts.openInput(await artifacts.open('report', report), 'run')
      : await artifacts.open('run', report);
    const source = await openRunHead(runArtifact);
    const { run } = source;
    const evaluated = await artifacts.openInput(runArtifact, 'model');
    const scored =
      decided === undefined || decided === evaluated.id ? undefined : await artifacts.open('model', decided);
    const model = await openModel(scored ?? evaluated, run.inSample);
    opened.push({ slot, source, risk: risk ?? run.strategy.risk, model });
    if (data === undefined) pinned = await artifacts.openInput(scored ?? runArtifact, 'dataset');
  }
  const dataset = await openDataset(runtime, pinned ?? (await artifacts.open('dataset', data!)));
  for (const { model } of opened) checkFits(model, dataset);
  return { dataset, opened };
}

interface Period {
  readonly feed: MarketFeed;
  readonly dataset: OpenDataset;
  readonly ticks: { readonly from: number; readonly to: number };
  readonly cash: number;
}

/** One account through all stretches; each goes on with what the one before holds. Costs are those of the newest run. */
async function replay(stretches: readonly Opened[], { feed, dataset, ticks, cash }: Period): Promise<BacktestResult> {
  const composed = await Promise.all(
    stretches.map(async ({ slot, source: { run }, risk, model }) => {
      const parts = await composeStrategy({ ...run.strategy, risk: [...risk] }, run.scoreKind, dataset.instruments);
      const signals = signalsOf(dataset, model.model, parts.strategy.sizing);
      return { ...parts, signals, from: Math.max(ticks.from, firstTickAt(feed, slot)) };
    }),
  );
  const { strategy, signals } = composed[0]!;
  const { venue, rounding } = composed.at(-1)!;
  return runBacktest(feed, signals, {
    ...{ strategy, rounding, ...ticks },
    venue: { ...venue, cash },
    closeAtEnd: false,
    changes: composed.slice(1).filter(({ from }) => from < ticks.to),
  });
}

function checkCovered({ clock }: MarketFeed, slot: number): void {
  if (clock.length > 0 && clock.at(-1)! >= slot) return;
  throw new QuantlineError('NO_DATA', 'The dataset ends before what was traded.', {
    hint: 'Ingest the period that was traded and name the dataset with --data.',
  });
}

function expectedOrders({ orders, fills }: BacktestResult, { instruments }: OpenDataset): TradedOrder[] {
  const firstFill = new Map<number, number>();
  fills.order.forEach((sequence, i) => {
    if (!firstFill.has(sequence)) firstFill.set(sequence, fills.time[i]!);
  });
  const out: TradedOrder[] = [];
  for (let i = 0; i < orders.filled.length; i++) {
    const quantity = orders.filled[i]!;
    if (!(quantity > 0)) continue;
    const slot = orders.submitted[i]!;
    out.push({
      instrument: instruments[orders.instrument[i]!]!.id,
      ...{ leg: LEGS[orders.leg[i]!]!, side: orders.side[i]!, slot, quantity },
      ...{ price: orders.filledValue[i]! / quantity, costs: orders.costs[i]! },
      // Sequence numbers count from 1 without gaps.
      time: firstFill.get(i + 1) ?? slot,
    });
  }
  return out;
}

async function actualOrders(journal: Journal, scope: StrategyScope, from: number): Promise<TradedOrder[]> {
  const byOrder = new Map<string, { time: number; costs: number }>();
  for (const fill of await journal.fills({ scope })) {
    if (fill.void || fill.kind === 'bust') continue;
    const known = byOrder.get(fill.clientOrderId) ?? { time: fill.time, costs: 0 };
    byOrder.set(fill.clientOrderId, { time: known.time, costs: known.costs + Number(fill.costs ?? '0') });
  }
  return (await journal.orders({ scope })).flatMap((order) => {
    const quantity = Number(order.filledQuantity);
    const filled = byOrder.get(order.clientOrderId);
    if (!(quantity > 0) || filled === undefined || order.slot < from) return [];
    const { instrument, leg, averagePrice } = order;
    const side = order.request.side === 'buy' ? 1 : -1;
    // Protection belongs to its fill: the decision that placed it may be long past.
    const slot = leg === 'entry' || leg === 'exit' ? order.slot : filled.time;
    return [{ instrument, leg, side, slot, quantity, price: Number(averagePrice), ...filled }];
  });
}
