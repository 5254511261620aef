import type { BarColumns } from '../../domain/bars.js';
import { isoTime } from '../../platform/clock.js';
import { chart, dateTicks, type Layer, niceTicks } from './chart.js';
import { coordinate as c } from './text.js';

/** Trades of one instrument as rows over its bars. */
export interface ChartTrade {
  readonly side: number;
  readonly entryTime: number;
  readonly entryPrice: number;
  readonly exitTime: number;
  readonly exitPrice: number;
}

/** Bars drawn per instrument: the last ones, so that candles stay legible. */
export const CANDLES = 260;

/** The last bars of an instrument as candles, with entries, exits and the line between them. */
export function candleChart(bars: BarColumns, trades: readonly ChartTrade[]): string {
  const n = Math.min(CANDLES, bars.time.length);
  const from = bars.time.length - n;
  if (n < 2) return '';
  const times = bars.time.subarray(from);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = from; i < from + n; i++) {
    low = Math.min(low, bars.low[i]!);
    high = Math.max(high, bars.high[i]!);
  }
  const { axis, ticks } = niceTicks(low, high, (v) => String(Number(v.toPrecision(6))), 5);
  const shown = trades.filter((t) => t.exitTime >= times[0]!);
  return chart({
    title: `${bars.instrument}: trades on the last ${n} bars`,
    height: 260,
    x: { min: -0.5, max: n - 0.5 },
    xTicks: dateTicks(Array.from(times, (t) => isoTime(t).slice(0, bars.interval === '1d' ? 10 : 16))),
    y: axis,
    yTicks: ticks,
    layers: [candles(bars, from, n), marks(times, shown)],
    legend: [
      { className: 'up', label: 'entry' },
      { className: 'down', label: 'exit' },
    ],
    summary: `${shown.length} trades on ${n} bars`,
  });
}

/** Rising and falling candles as two paths each: wicks and bodies. */
const candles =
  (bars: BarColumns, from: number, n: number): Layer =>
  (x, y) => {
    let wicks = '';
    let up = '';
    let down = '';
    for (let k = 0; k < n; k++) {
      const i = from + k;
      wicks += `M${c(x(k))} ${c(y(bars.high[i]!))}V${c(y(bars.low[i]!))}`;
      const top = y(Math.max(bars.open[i]!, bars.close[i]!));
      const bottom = y(Math.min(bars.open[i]!, bars.close[i]!));
      const body = `M${c(x(k - 0.35))} ${c(top)}H${c(x(k + 0.35))}V${c(Math.max(bottom, top + 0.6))}H${c(x(k - 0.35))}Z`;
      if (bars.close[i]! >= bars.open[i]!) up += body;
      else down += body;
    }
    return `<path class="line b thin" d="${wicks}"/><path d="${up}" style="fill:var(--up)"/><path d="${down}" style="fill:var(--down)"/>`;
  };

/** Triangles at entries and exits: up for a buy, down for a sale. */
const marks =
  (times: Float64Array, trades: readonly ChartTrade[]): Layer =>
  (x, y) => {
    const at = (t: number) => {
      let lo = 0;
      let hi = times.length;
      while (lo < hi) {
        const mid = (lo + hi) >>> 1;
        if (times[mid]! <= t) lo = mid + 1;
        else hi = mid;
      }
      return lo - 1;
    };
    const triangle = (k: number, price: number, buy: boolean, color: string) => {
      const px = x(k);
      const py = y(price);
      const tip = buy ? 9 : -9;
      return `<path d="M${c(px)} ${c(py)}L${c(px - 4)} ${c(py + tip)}H${c(px + 4)}Z" style="fill:var(--${color});stroke:var(--card)"/>`;
    };
    return trades
      .map((t) => {
        const a = at(t.entryTime);
        const b = at(t.exitTime);
        const path =
          a < 0
            ? ''
            : `<path class="line a dash" d="M${c(x(a))} ${c(y(t.entryPrice))}L${c(x(b))} ${c(y(t.exitPrice))}"/>`;
        const entry = a < 0 ? '' : triangle(a, t.entryPrice, t.side > 0, 'up');
        return `${path}${entry}${triangle(b, t.exitPrice, t.side < 0, 'down')}`;
      })
      .join('');
  };
