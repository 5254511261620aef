import { normalDensity } from '../../domain/special.js';
import { sharpe } from '../metrics/index.js';
import { money, percent } from '../report/format.js';
import type { PathCurves } from '../robustness/index.js';
import { mean, quantileSorted, standardDeviation } from '../stats.js';
import { area, band, bars, chart, dateTicks, growthScale, type Layer, level, line, mark, niceTicks } from './chart.js';

const indices = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i);
const extent = (...lists: ArrayLike<number>[]): [number, number] => {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const list of lists)
    for (let i = 0; i < list.length; i++) {
      const v = list[i]!;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  return [low, high];
};
const compact = (v: number): string => {
  const size = Math.abs(v);
  if (size >= 1e6) return `${(v / 1e6).toFixed(size >= 1e7 ? 0 : 1)}M`;
  if (size >= 1e4) return `${(v / 1e3).toFixed(size >= 1e5 ? 0 : 1)}k`;
  return size >= 100 ? v.toFixed(0) : String(Number(v.toPrecision(3)));
};
const overDates = (dates: readonly string[]) => ({
  x: { min: 0, max: Math.max(1, dates.length - 1) },
  xTicks: dateTicks(dates),
});

export function equityChart(
  dates: readonly string[],
  equity: Float64Array,
  benchmark: Float64Array | undefined,
): string {
  const xs = indices(dates.length);
  const { to, axis, ticks, note } = growthScale(...extent(equity, benchmark ?? []), compact);
  const own = equity.map(to);
  const layers: Layer[] = [area(xs, own, axis.min, '')];
  if (benchmark !== undefined) layers.push(line(xs, benchmark.map(to), 'b'));
  layers.push(line(xs, own, 'a'));
  return chart({
    title: `Equity${note}`,
    height: 280,
    ...overDates(dates),
    y: axis,
    yTicks: ticks,
    layers,
    legend: [
      { className: 'a', label: 'strategy' },
      ...(benchmark === undefined ? [] : [{ className: 'b', label: 'buy and hold' }]),
    ],
    summary: `Equity from ${money(equity[0] ?? 0)} to ${money(equity.at(-1) ?? 0)}`,
  });
}

export function drawdownChart(dates: readonly string[], underwater: Float64Array): string {
  const xs = indices(dates.length);
  const { axis, ticks } = niceTicks(Math.min(extent(underwater)[0], -0.001), 0, (v) => percent(v, 1), 4);
  return chart({
    title: 'Drawdown',
    height: 150,
    ...overDates(dates),
    y: axis,
    yTicks: ticks,
    layers: [area(xs, underwater, 0, 'down'), line(xs, underwater, 'down thin')],
    summary: `Deepest ${percent(extent(underwater)[0])}`,
  });
}

/** Sharpe ratio of the `window` sessions up to each one; NaN before. */
export function rollingSharpe(returns: Float64Array, window: number, periodsPerYear: number): Float64Array {
  return Float64Array.from(returns, (_, i) =>
    i + 1 < window ? Number.NaN : sharpe(returns.subarray(i + 1 - window, i + 1), periodsPerYear),
  );
}

export function rollingSharpeChart(dates: readonly string[], returns: Float64Array, periodsPerYear: number): string {
  const window = Math.min(126, Math.max(20, Math.floor(returns.length / 4)));
  const values = rollingSharpe(returns, window, periodsPerYear);
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return '';
  const { axis, ticks } = niceTicks(...extent(finite, [0]), compact, 4);
  return chart({
    title: `Rolling Sharpe ratio, ${window} sessions`,
    height: 170,
    ...overDates(dates),
    y: axis,
    yTicks: ticks,
    layers: [level(0, 'b dash'), line(indices(values.length), values, 'a thin')],
    summary: `From ${compact(extent(finite)[0])} to ${compact(extent(finite)[1])}`,
  });
}

export function distributionChart(all: Float64Array, valueAtRisk: number | null): string {
  // Sessions without a position would be one bar at zero that hides the others.
  const returns = all.filter((r) => r !== 0);
  if (returns.length < 2) return '';
  const ascending = returns.slice().sort();
  // Beyond these quantiles returns are counted into the outer bars.
  const [low, high] = [quantileSorted(ascending, 0.002), quantileSorted(ascending, 0.998)];
  if (!(high > low)) return '';
  const count = Math.max(12, Math.min(60, Math.round(2 * Math.cbrt(returns.length) * 1.6)));
  const width = (high - low) / count;
  const counts = new Float64Array(count);
  for (const r of returns) {
    const k = Math.max(0, Math.min(count - 1, Math.floor((r - low) / width)));
    counts[k] = counts[k]! + 1;
  }
  const xs = Float64Array.from(counts, (_, k) => low + (k + 0.5) * width);
  const m = mean(returns);
  const sd = standardDeviation(returns);
  const bell = xs.map((x) => (normalDensity((x - m) / sd) / sd) * width * returns.length);
  const { axis, ticks } = niceTicks(0, extent(counts, bell)[1], compact, 4);
  const across = niceTicks(low, high, (v) => percent(v, 1), 6);
  const layers: Layer[] = [bars(xs, counts, width, 0, (_, k) => (xs[k]! < 0 ? 'down' : 'up')), line(xs, bell, 'b')];
  if (valueAtRisk !== null) layers.push(mark(valueAtRisk, 'down dash'));
  return chart({
    title: `Returns of ${returns.length} sessions with a position`,
    height: 190,
    x: { min: Math.min(low, across.axis.min), max: Math.max(high, across.axis.max) },
    xTicks: across.ticks,
    y: axis,
    yTicks: ticks,
    layers,
    legend: [
      { className: 'b', label: 'normal of equal variance' },
      { className: 'down', label: 'value at risk 95 %' },
    ],
    summary: `From ${percent(ascending[0]!)} to ${percent(ascending.at(-1)!)}`,
  });
}

export function exposureChart(dates: readonly string[], exposure: Float64Array): string {
  const xs = indices(dates.length);
  const { axis, ticks } = niceTicks(0, Math.max(extent(exposure)[1], 0.1), (v) => percent(v, 0), 4);
  return chart({
    title: 'Gross exposure over equity, end of session',
    height: 130,
    ...overDates(dates),
    y: axis,
    yTicks: ticks,
    layers: [area(xs, exposure, 0, ''), line(xs, exposure, 'a thin')],
    summary: `Mean ${percent(mean(exposure), 0)}`,
  });
}

/** A curve over a few points: total return against added costs. */
export function costChart(added: readonly number[], totals: readonly number[], breakEven: number | null): string {
  const { axis, ticks } = niceTicks(...extent(totals, [0]), (v) => percent(v, 0), 5);
  const basis = added.map((a) => a * 10_000);
  const across = niceTicks(0, Math.max(...basis), (v) => `${compact(v)} bp`, 5);
  const layers: Layer[] = [level(0, 'b dash'), line(basis, totals, 'a')];
  if (breakEven !== null) layers.push(mark(breakEven * 10_000, 'down dash'));
  return chart({
    title: 'Total return against added cost per fill',
    height: 190,
    x: across.axis,
    xTicks: across.ticks,
    y: axis,
    yTicks: ticks,
    layers,
    legend: [{ className: 'down', label: 'return gone' }],
    summary:
      breakEven === null ? 'The return survives all added costs shown' : `Gone at ${(breakEven * 1e4).toFixed(1)} bp`,
  });
}

/** How often values fell into equal bins; `at` marks one value. */
export function histogram(
  title: string,
  values: Float64Array,
  label: (v: number) => string,
  at?: { value: number; label: string },
): string {
  const [low, high] = extent(values, at === undefined ? [] : [at.value]);
  if (!(high > low)) return '';
  const count = 40;
  const width = (high - low) / count;
  const counts = new Float64Array(count);
  for (const v of values) {
    const k = Math.min(count - 1, Math.floor((v - low) / width));
    counts[k] = counts[k]! + 1;
  }
  const xs = Float64Array.from(counts, (_, k) => low + (k + 0.5) * width);
  const across = niceTicks(low, high, label, 6);
  const { axis, ticks } = niceTicks(0, extent(counts)[1], compact, 4);
  return chart({
    title,
    height: 170,
    x: across.axis,
    xTicks: across.ticks,
    y: axis,
    yTicks: ticks,
    layers: [bars(xs, counts, width, 0, () => 'a'), ...(at === undefined ? [] : [mark(at.value, 'down')])],
    ...(at === undefined ? {} : { legend: [{ className: 'down', label: at.label }] }),
    summary: `${values.length} values from ${label(low)} to ${label(high)}`,
  });
}

/** Several paths as a fan: the band between 5 % and 95 % and between quartiles, and the observed one. */
export function fanChart(
  title: string,
  dates: readonly string[],
  quantiles: Readonly<Record<'q05' | 'q25' | 'q50' | 'q75' | 'q95', Float64Array>>,
  observed: Float64Array,
): string {
  const xs = indices(dates.length);
  const { to, axis, ticks, note } = growthScale(...extent(quantiles.q05, quantiles.q95, observed), compact);
  const at = (name: keyof typeof quantiles) => quantiles[name].map(to);
  return chart({
    title: `${title}${note}`,
    height: 230,
    ...overDates(dates),
    y: axis,
    yTicks: ticks,
    layers: [
      band(xs, at('q05'), at('q95'), ''),
      band(xs, at('q25'), at('q75'), ''),
      line(xs, at('q50'), 'b thin'),
      line(xs, observed.map(to), 'a'),
    ],
    legend: [
      { className: 'a', label: 'observed' },
      { className: 'b', label: 'median of paths; bands 50 % and 90 %' },
    ],
    summary: 'Paths that the same returns could have taken',
  });
}

/** Growth along each path of combinatorial folds, the band between the least and the most of them, and their median. */
export function pathsChart({ dates, growth }: PathCurves): string {
  const xs = indices(dates.length);
  const across = (pick: (ascending: Float64Array) => number) =>
    Float64Array.from(dates, (_, i) => pick(Float64Array.from(growth, (path) => path[i]!).sort()));
  const low = across((v) => v[0]!);
  const high = across((v) => v[v.length - 1]!);
  const { to, axis, ticks, note } = growthScale(...extent(low, high, [1]), (v) => `× ${compact(v)}`);
  return chart({
    title: `CPCV: growth along ${growth.length} paths${note}`,
    height: 230,
    ...overDates(dates),
    y: axis,
    yTicks: ticks,
    layers: [
      band(xs, low.map(to), high.map(to), ''),
      level(to(1), 'b dash'),
      ...growth.map((path) => line(xs, path.map(to), 'a faint')),
      line(
        xs,
        across((v) => to(quantileSorted(v, 0.5))),
        'a',
      ),
    ],
    legend: [{ className: 'a', label: 'median of the paths, costs of the run included' }],
    summary: `From ${percent(Math.min(...growth.map((p) => p.at(-1)!)) - 1)} to ${percent(Math.max(...growth.map((p) => p.at(-1)!)) - 1)}`,
  });
}
