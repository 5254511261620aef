import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WriteResult } from '../../artifacts/index.js';
import { writeParquet } from '../../platform/parquet.js';
import type { OpenModel } from './model.js';
import { passes, type Ranking, rankRows } from './sweep-figures.js';
import type { Grid } from './sweep-grid.js';
import { bestTable, heatMap, heatMapCsv, heatMapText, sweepColumns, sweepCsv } from './sweep-report.js';

export const SWEEP_FILE = 'sweep.json';
/** What is printed for people. */
export const SWEEP_TEXT = 'sweep.txt';
/** Best combinations that are printed. */
const TOP = 10;

/** Writes the payload of a swept study into `folder`. */
export async function writeSweep(
  folder: string,
  grid: Grid,
  figures: Float64Array,
  ranking: Ranking,
  model: OpenModel,
): Promise<WriteResult> {
  const n = grid.combinations.length;
  const order = rankRows(figures, n, ranking);
  const map = heatMap(grid, figures, ranking);
  const columns = sweepColumns(grid, figures);
  const best = order[0]!;
  const settingsAt = (row: number) =>
    Object.fromEntries(grid.axes.map((axis, k) => [axis.key, axis.values[grid.combinations[row]!.at[k]!]!]));
  const figuresAt = (row: number) =>
    Object.fromEntries(
      Object.entries(columns)
        .filter(([, column]) => column instanceof Float64Array)
        .map(([name, column]) => [name, Number.isNaN(column[row] as number) ? null : (column[row] as number)]),
    );
  const skipped = Object.values(grid.skipped).reduce((a, b) => a + b, 0);
  const summary = {
    kind: 'sweep',
    model: model.file.trainer.text,
    by: ranking.figure,
    combinations: n,
    skipped,
    passing: order.filter((row) => passes(figures, row, ranking)).length,
    best: settingsAt(best),
    ...(figuresAt(best) as Record<string, number | null>),
  };
  const file = {
    schema: 1,
    kind: 'sweep',
    axes: grid.axes,
    by: { figure: ranking.figure, sign: ranking.sign, conditions: ranking.conditions },
    combinations: n,
    skipped: grid.skipped,
    best: order.slice(0, TOP).map((row) => ({ settings: settingsAt(row), figures: figuresAt(row) })),
    heatMap: map === undefined ? null : { rows: map.rows.key, columns: map.columns.key, values: map.values },
  };
  const lines = [
    `${n} combinations, ${skipped} skipped; the best by ${ranking.figure}:`,
    ...bestTable(grid, figures, order.slice(0, TOP), ranking),
    ...(map === undefined ? [] : ['', ...heatMapText(map, ranking.sign)]),
  ];
  await writeParquet(join(folder, 'sweep.parquet'), columns);
  await writeFile(join(folder, 'sweep.csv'), sweepCsv(columns));
  if (map !== undefined) await writeFile(join(folder, 'heatmap.csv'), heatMapCsv(map));
  await writeFile(join(folder, SWEEP_FILE), `${JSON.stringify(file, null, 1)}\n`);
  await writeFile(join(folder, SWEEP_TEXT), `${lines.join('\n')}\n`);
  return { summary };
}
