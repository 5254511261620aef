import { coordinate as c, escapeHtml } from './text.js';

/** Width of the drawing's own coordinates; the picture stretches to its box, labels do not. */
const WIDTH = 1000;

export interface Axis {
  readonly min: number;
  readonly max: number;
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** One layer of a chart: SVG inside WIDTH × height coordinates. */
export type Layer = (x: (v: number) => number, y: (v: number) => number, height: number) => string;

export interface ChartOptions {
  readonly title: string;
  readonly height?: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly layers: readonly Layer[];
  readonly legend?: readonly { readonly className: string; readonly label: string }[];
  /** One sentence for readers who cannot see it. */
  readonly summary: string;
}

/** A chart as HTML: a stretching SVG with grid and layers, and labels beside it as text. */
export function chart(options: ChartOptions): string {
  const height = options.height ?? 220;
  const width = options.x.max - options.x.min || 1;
  const span = options.y.max - options.y.min || 1;
  const x = (v: number) => ((v - options.x.min) / width) * WIDTH;
  const y = (v: number) => height - ((v - options.y.min) / span) * height;
  const grid = options.yTicks.map((t) => `<path class="grid" d="M0 ${c(y(t.at))}H${WIDTH}"/>`).join('');
  const layers = options.layers.map((layer) => layer(x, y, height)).join('');
  const yLabels = options.yTicks
    .map((t) => `<span style="top:${c((y(t.at) / height) * 100)}%">${escapeHtml(t.label)}</span>`)
    .join('');
  const xLabels = options.xTicks
    .map((t) => {
      const left = (x(t.at) / WIDTH) * 100;
      return `<span${left > 97 ? ' class="end"' : ''} style="left:${c(left)}%">${escapeHtml(t.label)}</span>`;
    })
    .join('');
  const legend = (options.legend ?? [])
    .map((l) => `<span><i class="${l.className}"></i>${escapeHtml(l.label)}</span>`)
    .join('');
  return `<figure><figcaption>${escapeHtml(options.title)}<span class="legend">${legend}</span></figcaption>
<div class="chart" style="height:${height}px"><svg role="img" aria-label="${escapeHtml(options.summary)}" viewBox="0 0 ${WIDTH} ${height}" preserveAspectRatio="none">${grid}${layers}</svg><div class="ys">${yLabels}</div><div class="xs">${xLabels}</div></div></figure>`;
}

/** A line through values; NaN breaks it. Long series keep the smallest and largest value of each pixel column. */
export const line =
  (xs: ArrayLike<number>, ys: ArrayLike<number>, className: string): Layer =>
  (x, y) =>
    `<path class="line ${className}" d="${linePath(xs, ys, x, y)}"/>`;

/** The area between a line and a base value. */
export const area =
  (xs: ArrayLike<number>, ys: ArrayLike<number>, base: number, className: string): Layer =>
  (x, y) => {
    if (xs.length === 0) return '';
    const path = linePath(xs, ys, x, y);
    return `<path class="area ${className}" d="${path}L${c(x(xs[xs.length - 1]!))} ${c(y(base))}L${c(x(xs[0]!))} ${c(y(base))}Z"/>`;
  };

/** The band between two lines over the same positions. */
export const band =
  (xs: ArrayLike<number>, low: ArrayLike<number>, high: ArrayLike<number>, className: string): Layer =>
  (x, y) => {
    let d = '';
    for (let i = 0; i < xs.length; i++) d += `${i === 0 ? 'M' : 'L'}${c(x(xs[i]!))} ${c(y(high[i]!))}`;
    for (let i = xs.length - 1; i >= 0; i--) d += `L${c(x(xs[i]!))} ${c(y(low[i]!))}`;
    return `<path class="area ${className}" d="${d}Z"/>`;
  };

/** Bars from a base, one per value, each `width` wide in axis units. */
export const bars =
  (
    xs: ArrayLike<number>,
    ys: ArrayLike<number>,
    width: number,
    base: number,
    className: (v: number, i: number) => string,
  ): Layer =>
  (x, y) => {
    let out = '';
    for (let i = 0; i < xs.length; i++) {
      const left = x(xs[i]! - width / 2);
      const right = x(xs[i]! + width / 2);
      const a = y(ys[i]!);
      const b = y(base);
      out += `<rect class="${className(ys[i]!, i)}" x="${c(left)}" y="${c(Math.min(a, b))}" width="${c(Math.max(right - left - 1, 0.5))}" height="${c(Math.abs(a - b))}"/>`;
    }
    return out;
  };

/** A level across, or a mark down, the whole drawing. */
export const level =
  (at: number, className: string): Layer =>
  (_x, y) =>
    `<path class="line ${className}" d="M0 ${c(y(at))}H${WIDTH}"/>`;
export const mark =
  (at: number, className: string): Layer =>
  (x, _y, height) =>
    `<path class="line ${className}" d="M${c(x(at))} 0V${height}"/>`;

const COLUMNS = 900;

function linePath(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  x: (v: number) => number,
  y: (v: number) => number,
): string {
  let d = '';
  let pen = false;
  const put = (i: number) => {
    const v = ys[i]!;
    if (!Number.isFinite(v)) {
      pen = false;
      return;
    }
    d += `${pen ? 'L' : 'M'}${c(x(xs[i]!))} ${c(y(v))}`;
    pen = true;
  };
  const n = ys.length;
  if (n <= 2 * COLUMNS) {
    for (let i = 0; i < n; i++) put(i);
    return d;
  }
  for (let column = 0; column < COLUMNS; column++) {
    const from = Math.floor((column * n) / COLUMNS);
    const to = Math.floor(((column + 1) * n) / COLUMNS);
    let low = from;
    let high = from;
    for (let i = from; i < to; i++) {
      if (ys[i]! < ys[low]!) low = i;
      if (ys[i]! > ys[high]!) high = i;
    }
    put(Math.min(low, high));
    if (low !== high) put(Math.max(low, high));
  }
  return d;
}

/** About `count` round values that cover [min, max]; the axis is widened to the outer ones. */
export function niceTicks(
  min: number,
  max: number,
  label: (v: number) => string,
  count = 5,
): { axis: Axis; ticks: Tick[] } {
  if (!(max > min)) {
    const pad = Math.abs(min) * 0.1 || 1;
    return niceTicks(min - pad, min + pad, label, count);
  }
  const raw = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5, 10].find((m) => m * power >= raw) ?? 10) * power;
  const first = Math.floor(min / step + 1e-9);
  const last = Math.ceil(max / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const at = (first + i) * step;
    return { at: Math.abs(at) < step / 1e6 ? 0 : at, label: label(Math.abs(at) < step / 1e6 ? 0 : at) };
  });
  return { axis: { min: ticks[0]!.at, max: ticks[ticks.length - 1]!.at }, ticks };
}

/** How values stand on an axis: `to` gives the position of a value. */
export interface Scale {
  readonly to: (v: number) => number;
  readonly axis: Axis;
  readonly ticks: readonly Tick[];
  /** Said in the title where it is not linear. */
  readonly note: string;
}

/** Largest over smallest value from which on growth is drawn in logarithms: otherwise its beginning is a flat line. */
const WIDE = 4;

/** A scale for values that grow by factors: logarithmic where they span more than WIDE. */
export function growthScale(min: number, max: number, label: (v: number) => string): Scale {
  if (!(min > 0 && max / min > WIDE)) {
    const { axis, ticks } = niceTicks(min, max, label);
    return { to: (v) => v, axis, ticks, note: '' };
  }
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const m of [1, 2, 5]) found.push(m * 10 ** power);
  }
  const first = found.findLastIndex((v) => v <= min * (1 + 1e-9));
  const last = found.findIndex((v) => v >= max * (1 - 1e-9));
  const covering = found.slice(first, last + 1);
  const each = Math.ceil(covering.length / 7);
  return {
    to: (v) => Math.log10(v),
    axis: { min: Math.log10(covering[0]!), max: Math.log10(covering.at(-1)!) },
    ticks: covering.filter((_, i) => i % each === 0).map((v) => ({ at: Math.log10(v), label: label(v) })),
    note: ', logarithmic',
  };
}

/** At most `count` of the dates as labels, by position 0..n−1: years where there are many, months where few. */
export function dateTicks(dates: readonly string[], count = 7): Tick[] {
  const length = new Set(dates.map((d) => d.slice(0, 4))).size > 2 ? 4 : 7;
  const starts: Tick[] = [];
  for (let i = 0; i < dates.length; i++) {
    const label = dates[i]!.slice(0, length);
    if (i === 0 ? dates.length < 3 : label !== dates[i - 1]!.slice(0, length)) starts.push({ at: i, label });
  }
  const each = Math.ceil(starts.length / count);
  return starts.filter((_, i) => i % each === 0);
}
