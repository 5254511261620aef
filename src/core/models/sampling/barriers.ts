export interface BarrierOptions {
  /** Upper and lower barrier as multiples of the target; 0 = none. */
  readonly profit: number;
  readonly loss: number;
  /** Bars after which the vertical barrier ends the label. */
  readonly horizon: number;
}

export interface BarrierLabels {
  /** Bar at which each event's label was known; the last bar where the data ended first. */
  readonly end: Int32Array;
  /** Return from the event's close to the end's close, times the side. */
  readonly return: Float64Array;
  /** 1 upper barrier, −1 lower, 0 vertical or end of data. */
  readonly touch: Int8Array;
  /** Whether the data ended before any barrier: such a label must not be trained on. */
  readonly open: Uint8Array;
}

/**
 * Triple-barrier labels on closes (López de Prado 2018, ch. 3). Event e at bar i with target t ends at the first bar
 * after i whose side·(close/close_i − 1) is above profit·t or below −loss·t, or after `horizon` bars.
 * @param target width of the barriers as a fraction, per event (a volatility)
 * @param side 1 or −1 per event; absent = long
 */
export function tripleBarrier(
  close: Float64Array,
  events: Int32Array,
  target: Float64Array,
  options: BarrierOptions,
  side?: Int8Array,
): BarrierLabels {
  const n = events.length;
  const labels = {
    end: new Int32Array(n),
    return: new Float64Array(n),
    touch: new Int8Array(n),
    open: new Uint8Array(n),
  };
  for (let e = 0; e < n; e++) {
    const start = events[e]!;
    const direction = side?.[e] ?? 1;
    const upper = options.profit > 0 ? options.profit * target[e]! : Number.POSITIVE_INFINITY;
    const lower = options.loss > 0 ? -options.loss * target[e]! : Number.NEGATIVE_INFINITY;
    const limit = Math.min(start + options.horizon, close.length - 1);
    let at = start;
    let value = 0;
    let touch = 0;
    while (at < limit && touch === 0) {
      at++;
      value = direction * (close[at]! / close[start]! - 1);
      if (value > upper) touch = 1;
      else if (value < lower) touch = -1;
    }
    labels.end[e] = at;
    labels.return[e] = value;
    labels.touch[e] = touch;
    labels.open[e] = touch === 0 && start + options.horizon > close.length - 1 ? 1 : 0;
  }
  return labels;
}

/** Meta-labels: 1 where acting on the given side earned a positive return by the label's end, otherwise 0. */
export const metaLabels = (labels: BarrierLabels): Float64Array => labels.return.map((r) => (r > 0 ? 1 : 0));
