import { figureAt, type Ranking, rankRows, SWEEP_FIGURES, type SweepFigure } from './sweep-figures.js';
import type { Grid, SweepAxis } from './sweep-grid.js';

/** The ranking's figure over two axes; beyond two, each cell is the best of the other settings. Null: no such run. */
export interface HeatMap {
  readonly figure: SweepFigure;
  readonly rows: SweepAxis;
  readonly columns: SweepAxis;
  /** values[row][column] */
  readonly values: readonly (readonly (number | null)[])[];
}

/** Of the first two axes that have several values; undefined where there are fewer. */
export function heatMap(grid: Grid, figures: Float64Array, ranking: Ranking): HeatMap | undefined {
  const wide = grid.axes.flatMap((axis, k) => (axis.values.length > 1 ? [k] : []));
  const [r, c] = wide;
  if (r === undefined || c === undefined) return undefined;
  const rows = grid.axes[r]!;
  const columns = grid.axes[c]!;
  const values = rows.values.map(() => columns.values.map((): number | null => null));
  for (const row of rankRows(figures, grid.combinations.length, ranking).reverse()) {
    const { at } = grid.combinations[row]!;
    const value = figureAt(figures, row, ranking.figure);
    values[at[r]!]![at[c]!] = Number.isNaN(value) ? null : value;
  }
  return { figure: ranking.figure, rows, columns, values };
}

const BLOCKS = ['░░', '▒▒', '▓▓', '██'];

/** The heat map as text: the darker, the better; a dot where there is no run. */
export function heatMapText(map: HeatMap, sign: 1 | -1): string[] {
  const known = map.values.flat().filter((value) => value !== null);
  if (known.length === 0) return [];
  const low = Math.min(...known);
  const high = Math.max(...known);
  const cell = (value: number | null) => {
    if (value === null) return ' ·';
    const part = high > low ? (value - low) / (high - low) : 1;
    return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor((sign > 0 ? part : 1 - part) * BLOCKS.length))]!;
  };
  const width = Math.max(map.rows.key.length, ...map.rows.values.map((value) => value.length));
  const number = (value: number) => String(Number(value.toPrecision(4)));
  const first = map.columns.values[0]!;
  const last = map.columns.values.at(-1)!;
  const span = Math.max(last.length + 1, 2 * map.columns.values.length - first.length);
  return [
    `${map.figure} by ${map.rows.key} (down) and ${map.columns.key} (across): ░░ ${number(sign > 0 ? low : high)} to ██ ${number(sign > 0 ? high : low)}`,
    `${' '.repeat(width)} ${first}${last.padStart(span)}`,
    ...map.values.map((row, i) => `${map.rows.values[i]!.padStart(width)} ${row.map(cell).join('')}`),
  ];
}

/** CSV of the heat map: rows of the first axis, columns of the second. */
export const heatMapCsv = (map: HeatMap): string =>
  [
    `${map.rows.key}\\${map.columns.key},${map.columns.values.join(',')}`,
    ...map.values.map((row, i) => `${map.rows.values[i]},${row.map((value) => value ?? '').join(',')}`),
  ]
    .map((line) => `${line}\n`)
    .join('');

/** Every combination as columns: the settings as text, then the figures. */
export function sweepColumns(grid: Grid, figures: Float64Array): Record<string, Float64Array | string[]> {
  const n = grid.combinations.length;
  const columns: Record<string, Float64Array | string[]> = {};
  for (const [k, axis] of grid.axes.entries()) {
    columns[axis.key] = grid.combinations.map(({ at }) => axis.values[at[k]!]!);
  }
  for (const name of SWEEP_FIGURES)
    columns[name] = Float64Array.from({ length: n }, (_, i) => figureAt(figures, i, name));
  return columns;
}

export const sweepCsv = (columns: Readonly<Record<string, ArrayLike<number | string>>>): string => {
  const names = Object.keys(columns);
  const rows = columns[names[0]!]!.length;
  const text = (value: number | string) => (typeof value === 'number' && Number.isNaN(value) ? '' : String(value));
  const lines = [names.join(',')];
  for (let i = 0; i < rows; i++) lines.push(names.map((name) => text(columns[name]![i]!)).join(','));
  return `${lines.join('\n')}\n`;
};

const SHOWN: readonly SweepFigure[] = ['total_return', 'sharpe', 'max_drawdown', 'profit_factor', 'trades'];

/** The best combinations as an aligned table. */
export function bestTable(grid: Grid, figures: Float64Array, order: readonly number[], ranking: Ranking): string[] {
  const names = SHOWN.includes(ranking.figure) ? SHOWN : [ranking.figure, ...SHOWN];
  const head = [...grid.axes.map(({ key }) => key), ...names];
  const body = order.map((row) => [
    ...grid.axes.map((axis, k) => axis.values[grid.combinations[row]!.at[k]!]!),
    ...names.map((name) => {
      const value = figureAt(figures, row, name);
      return Number.isNaN(value) ? '-' : String(Number(value.toFixed(4)));
    }),
  ]);
  const widths = head.map((title, k) => Math.max(title.length, ...body.map((cells) => cells[k]!.length)));
  return [head, ...body].map((cells) => cells.map((cell, k) => cell.padStart(widths[k]!)).join('  '));
}
