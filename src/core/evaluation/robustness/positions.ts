import type { MarketFeed } from '../../engine/feed.js';
import { LEGS } from '../../engine/order-log.js';
import type { FillColumns, FlowColumns } from '../../engine/recorder.js';

/**
 * What was held, in two steps a tick: [2k] from the last close to this bar's open with the position of before, [2k + 1]
 * from the open to the close with what entries and exits at the open left. Stops and targets inside the bar count from
 * its close on.
 */
export interface HeldPositions {
  /** Per instrument: position value over equity. */
  readonly weights: readonly Float64Array[];
  /** Per instrument: return of the price over the step; 0 without a bar. */
  readonly returns: readonly Float64Array[];
}

const AT_OPEN = [LEGS.indexOf('exit'), LEGS.indexOf('entry')];

/** What was held over each tick [from, to), by the fills. */
export function heldPositions(
  feed: MarketFeed,
  fills: FillColumns,
  flows: FlowColumns,
  equity: Float64Array,
  from: number,
  to: number,
): HeldPositions {
  const size = feed.instruments.length;
  // Shared with the threads that resample them.
  const column = () => new Float64Array(new SharedArrayBuffer(16 * (to - from)));
  const weights = feed.instruments.map(column);
  const returns = feed.instruments.map(column);
  const units = new Float64Array(size);
  const price = new Float64Array(size);
  let next = 0;
  let flow = 0;
  const book = (f: number) => {
    const j = fills.instrument[f]!;
    units[j] = units[j]! + fills.side[f]! * fills.quantity[f]!;
    if (Math.abs(units[j]!) < 1e-9) units[j] = 0;
  };
  for (let k = from; k < to; k++) {
    const at = 2 * (k - from);
    const worth = k > from ? equity[k - from - 1]! : 0;
    const now = feed.clock[k]!;
    for (; flow < flows.known.length && flows.known[flow]! <= now; flow++) {
      const j = flows.instrument[flow]!;
      if (j < 0) continue;
      units[j] = units[j]! + flows.units[flow]!;
      price[j] = price[j]! * flows.priceFactor[flow]!;
    }
    for (let j = 0; j < size; j++) {
      const i = feed.barAt[j]![k]!;
      if (worth > 0) weights[j]![at] = (units[j]! * price[j]!) / worth;
      if (i >= 0 && price[j]! > 0) returns[j]![at] = feed.bars[j]!.open[i]! / price[j]! - 1;
    }
    const first = next;
    while (next < fills.known.length && fills.known[next]! <= now) next++;
    for (let f = first; f < next; f++) if (AT_OPEN.includes(fills.leg[f]!)) book(f);
    for (let j = 0; j < size; j++) {
      const i = feed.barAt[j]![k]!;
      if (i < 0) {
        if (worth > 0) weights[j]![at + 1] = (units[j]! * price[j]!) / worth;
        continue;
      }
      const { open, close } = feed.bars[j]!;
      if (worth > 0) weights[j]![at + 1] = (units[j]! * open[i]!) / worth;
      returns[j]![at + 1] = close[i]! / open[i]! - 1;
      price[j] = close[i]!;
    }
    for (let f = first; f < next; f++) if (!AT_OPEN.includes(fills.leg[f]!)) book(f);
  }
  return { weights, returns };
}
