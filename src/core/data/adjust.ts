import {
  BAR_FIELDS,
  type BarColumns,
  type CorporateAction,
  lowerBound,
  type PriceBasis,
  type TradingCalendar,
} from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';

/** One event: prices before `time` are multiplied by `price`, volumes by `volume`. */
export interface AdjustmentStep {
  /** Open of the ex-session, epoch ms. */
  readonly time: number;
  readonly price: number;
  readonly volume: number;
}

/**
 * What actions do to the bars before them, ascending. A split of ratio r (new shares per old one) makes them 1/r in
 * price and r in volume; a dividend d makes them (1 - d/c) in price, where c is the last close before the ex-session
 * (CRSP's and Yahoo's rule). Basis `split` leaves dividends out. A dividend without a bar before it has no effect.
 */
export function adjustmentSteps(
  raw: BarColumns,
  actions: readonly CorporateAction[],
  calendar: TradingCalendar,
  basis: Exclude<PriceBasis, 'raw'>,
): AdjustmentStep[] {
  const steps: AdjustmentStep[] = [];
  for (const action of actions) {
    if (action.type === 'rename' || action.type === 'delisting') continue;
    if (action.type === 'dividend' && basis === 'split') continue;
    const session = calendar.session(action.date);
    if (session === undefined)
      throw new QuantlineError(
        'INPUT',
        `A ${action.type} of ${action.instrument} has the date ${action.date}, on which ${calendar.id} has no session.`,
        { hint: 'Correct the date of the action.', details: { action } },
      );
    if (action.type === 'split') {
      if (!(action.ratio > 0)) throw bad(action, 'a ratio above 0');
      steps.push({ time: session.open, price: 1 / action.ratio, volume: action.ratio });
      continue;
    }
    const row = lowerBound(raw.time, session.open) - 1;
    if (row < 0) continue;
    const price = 1 - action.amount / raw.close[row]!;
    if (!(action.amount >= 0 && price > 0)) throw bad(action, 'an amount from 0 to below the price');
    steps.push({ time: session.open, price, volume: 1 });
  }
  return steps.sort((a, b) => a.time - b.time);
}

const bad = (action: CorporateAction, wanted: string): QuantlineError =>
  new QuantlineError('INPUT', `The ${action.type} of ${action.instrument} on ${action.date} needs ${wanted}.`, {
    hint: 'Correct the action, or fetch the actions again.',
    details: { action },
  });

/**
 * Raw bars as an observer of the instant `asOf` would adjust them: only actions whose ex-session has opened by then
 * count, so that nothing later shows in an earlier price. Bars after `asOf` are left as they are.
 */
export function adjustBars(
  raw: BarColumns,
  actions: readonly CorporateAction[],
  calendar: TradingCalendar,
  basis: PriceBasis,
  asOf: number,
): BarColumns {
  if (basis === 'raw') return raw;
  return apply(
    raw,
    adjustmentSteps(raw, actions, calendar, basis).filter((step) => step.time <= asOf),
  );
}

/** The inverse of `adjustBars` by splits: raw prices from prices that a vendor adjusted for all splits up to `asOf`. */
export function unadjustSplits(
  adjusted: BarColumns,
  actions: readonly CorporateAction[],
  calendar: TradingCalendar,
  asOf: number,
): BarColumns {
  const steps = adjustmentSteps(adjusted, actions, calendar, 'split')
    .filter((step) => step.time <= asOf)
    .map(({ time, price, volume }) => ({ time, price: volume, volume: price }));
  return apply(adjusted, steps);
}

function apply(bars: BarColumns, steps: readonly AdjustmentStep[]): BarColumns {
  if (steps.length === 0) return bars;
  const columns = Object.fromEntries(BAR_FIELDS.map((field) => [field, bars[field].slice()])) as Record<
    (typeof BAR_FIELDS)[number],
    Float64Array
  >;
  const { time, open, high, low, close, volume } = columns;
  let price = 1;
  let shares = 1;
  let end = time.length;
  // From the newest event back: the factor of a bar is the product over all later events.
  for (let s = steps.length - 1; s >= -1; s--) {
    const from = s >= 0 ? lowerBound(time, steps[s]!.time) : 0;
    if (price !== 1 || shares !== 1)
      for (let i = from; i < end; i++) {
        open[i] = open[i]! * price;
        high[i] = high[i]! * price;
        low[i] = low[i]! * price;
        close[i] = close[i]! * price;
        volume[i] = volume[i]! * shares;
      }
    end = from;
    if (s >= 0) {
      price *= steps[s]!.price;
      shares *= steps[s]!.volume;
    }
  }
  return { instrument: bars.instrument, interval: bars.interval, ...columns };
}
