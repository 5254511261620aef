import { type Call, type CallArgument, parseCall } from '../../config/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import type { BarColumns } from '../../domain/bars.js';
import { QuantlineError } from '../../errors/index.js';
import { type Label, type LabelColumns, parseLabel } from '../../features/index.js';
import { cusumEvents, ewmDeviation, metaLabels, tripleBarrier } from '../../models/sampling/index.js';
import type { Learner, Rule } from '../../models/trainer.js';
import { composeTrainer } from './trainer.js';

/** What a learner predicts where nothing was said. */
export const DEFAULT_LABEL = 'direction(5)';

/** Bars over which the volatility that barriers are multiples of fades (López de Prado 2018, ch. 3). */
const SPAN = 100;

interface Barriers {
  readonly profit: number;
  readonly loss: number;
  readonly horizon: number;
  /** Multiple of volatility at which the CUSUM filter takes an event; null: every bar is one. */
  readonly cusum: number | null;
}

/**
 * The label of a model: `return(n)`, `direction(n)`, `triple-barrier(profit,loss,bars[,cusum(k)])` (1 where the upper
 * barrier is met first, or the return at the last bar is above zero), or `meta(rule,profit,loss,bars[,cusum(k)])` (1 where
 * acting on the rule earns). Barriers are multiples of the close-to-close volatility.
 */
export async function composeLabel(text: string, dataset: OpenDataset): Promise<Label> {
  const name = /^\s*([a-z-]+)/.exec(text)?.[1];
  if (name !== 'triple-barrier' && name !== 'meta') return parseLabel(text);
  const call = parseCall(text);
  const barriers = barriersOf(call, name === 'meta' ? call.args.slice(1) : call.args);
  const rule = name === 'meta' ? await metaRule(text) : undefined;
  return {
    name,
    text: call.text,
    horizon: barriers.horizon,
    scoreKind: 'probability',
    uneven: true,
    compute(bars, knownAt) {
      return barrierColumns(bars, knownAt, barriers, rule && sidesOf(rule, bars, dataset));
    },
  };
}

/** An agent learns from what it earns: of the label it takes only how far a bar's outcome reaches. */
export async function labelOf(
  name: string,
  { agent }: Learner,
  dataset: OpenDataset,
  given: string | undefined,
  found?: string,
): Promise<Label> {
  if (agent === undefined) return composeLabel(given ?? found ?? DEFAULT_LABEL, dataset);
  if (given === undefined) return parseLabel('return(1)');
  throw new QuantlineError('USAGE', `--label does not apply to the agent ${name}: it is rewarded by what it earns.`, {
    hint: 'Leave it out.',
  });
}

/** The rule that a meta-label acts on; undefined for other labels. */
export async function metaRule(label: string | null): Promise<Rule | undefined> {
  if (label === null || !/^\s*meta\b/.test(label)) return undefined;
  const first = parseCall(label).args[0];
  const call = typeof first?.value === 'object' ? first.value : parseCall(first?.text ?? '');
  const { trainer } = await composeTrainer(call);
  if (trainer.kind === 'rule') return trainer;
  throw usage(`${call.text} is a learner; a meta-label acts on a rule.`);
}

function barriersOf(call: Call, args: readonly CallArgument[]): Barriers {
  const [profit, loss, horizon, events] = args;
  const number = (arg: CallArgument | undefined, fallback: number, least: number): number => {
    const value = arg === undefined ? fallback : arg.value;
    if (typeof value === 'number' && value >= least) return value;
    throw usage(`${call.name} cannot take "${arg?.text}" there.`);
  };
  const bars = number(horizon, 10, 1);
  if (!Number.isInteger(bars) || args.length > 4) throw usage(`${call.text}: ${bars} bars, or too many arguments.`);
  const filter = typeof events?.value === 'object' ? events.value : undefined;
  if (events !== undefined && filter?.name !== 'cusum') throw usage(`${call.name} cannot take "${events.text}" there.`);
  const cusum = filter === undefined ? null : number(filter.args[0], 1, 1e-9);
  return { profit: number(profit, 2, 0), loss: number(loss, 1, 0), horizon: bars, cusum };
}

/** The side of the rule at each bar: 1, −1, or 0 for none. */
function sidesOf(rule: Rule, bars: BarColumns, { instruments, calendars }: OpenDataset): Int8Array {
  const j = instruments.findIndex(({ id }) => id === bars.instrument);
  const scores = new Float64Array(bars.time.length);
  rule.scorer(instruments[j]!, calendars[j]!).consume(bars, 0, scores.length, scores);
  return Int8Array.from(scores, (s) => Math.sign(s) || 0);
}

function barrierColumns(
  bars: BarColumns,
  knownAt: Float64Array,
  { profit, loss, horizon, cusum }: Barriers,
  side: Int8Array | undefined,
): LabelColumns {
  const n = bars.close.length;
  const changes = bars.close.map((close, i) => (i === 0 ? Number.NaN : Math.log(close / bars.close[i - 1]!)));
  const volatility = ewmDeviation(changes, SPAN);
  const wanted =
    cusum === null
      ? Int32Array.from({ length: n }, (_, i) => i)
      : cusumEvents(
          changes,
          volatility.map((v) => v * cusum),
        );
  const events = wanted.filter((i) => volatility[i]! > 0 && (side === undefined || side[i] !== 0));
  const target = Float64Array.from(events, (i) => volatility[i]!);
  const sides = side && Int8Array.from(events, (i) => side[i]!);
  const labels = tripleBarrier(bars.close, events, target, { profit, loss, horizon }, sides);
  const outcome = metaLabels(labels);
  const columns = {
    values: new Float64Array(n).fill(Number.NaN),
    endIndex: new Int32Array(n).fill(-1),
    endTime: new Float64Array(n).fill(Number.NaN),
  };
  events.forEach((i, e) => {
    if (labels.open[e] === 1) return;
    columns.values[i] = outcome[e]!;
    columns.endIndex[i] = labels.end[e]!;
    columns.endTime[i] = knownAt[labels.end[e]!]!;
  });
  return columns;
}

const usage = (message: string): QuantlineError =>
  new QuantlineError('USAGE', message, {
    hint: 'Write triple-barrier(2,1,10), triple-barrier(2,1,10,cusum(1)) or meta(sma-cross(10,30),2,1,10).',
  });
