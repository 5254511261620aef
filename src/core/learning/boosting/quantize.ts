import { QuantlineError } from '../../errors/index.js';
import { dense, type FloatMatrix, strides } from './matrix.js';
import { GROUP, Task } from './tasks.js';
import type { BinnedSet, LabelledMatrix, Workspace } from './workspace.js';

export interface QuantizeOptions {
  readonly columnName: (column: number) => string;
  readonly unusableColumns: 'refuse' | 'ignore';
}

/**
 * Chooses the cut points of every column from the training rows (all distinct values where at most max_bin, otherwise
 * order statistics at equal shares of weight) and bins all sets with them. Throws INPUT at an infinite value, and
 * QUALITY for a column without two different values unless such columns are ignored.
 */
export function quantize(
  w: Workspace,
  train: LabelledMatrix,
  evaluation: readonly LabelledMatrix[],
  options: QuantizeOptions,
): void {
  const x = dense(train.x);
  const sets = evaluation.map((e) => dense(e.x));
  const missingLater = new Uint8Array(w.cols);
  for (const set of sets) checkEvaluation(set, missingLater, options.columnName);
  w.f32.set(x.data, w.raw / 4);
  const { row, column } = strides(x);
  const counts = w.sketchResults;
  for (let j = 0; j < w.cols; j++)
    w.pool.add(
      Task.sketch,
      w.raw + j * column * 4,
      row,
      counts + j * 8,
      w.cutsAt + j * 1024,
      w.params.max_bin,
      missingLater[j]!,
    );
  w.pool.flush();
  fillTables(w, counts, missingLater, x.rows, options);
  binRows(w, x, w.train);
  sets.forEach((set, i) => {
    w.f32.set(set.data, w.raw / 4);
    binRows(w, set, w.evaluation[i]!);
  });
}

function fillTables(
  w: Workspace,
  counts: number,
  missingLater: Uint8Array,
  rows: number,
  { columnName, unusableColumns }: QuantizeOptions,
): void {
  const { featureTable, groupTable, groups } = w.shared;
  const unusable: string[] = [];
  for (let j = 0; j < groups * GROUP; j++) {
    const present = j < w.cols ? w.i32[counts / 4 + 2 * j]! : 0;
    if (present < 0) refuseInfinity(-1 - present, columnName(j));
    const bins = j < w.cols && present > 0 ? w.i32[counts / 4 + 2 * j + 1]! : 0;
    const missing = j < w.cols && (present < rows || missingLater[j] === 1);
    w.i32[featureTable / 4 + 2 * j] = bins;
    w.i32[featureTable / 4 + 2 * j + 1] = missing ? bins : -1;
    if (j < w.cols && bins < 2 && present === rows) unusable.push(`${columnName(j)} (constant)`);
    else if (j < w.cols && bins === 0) unusable.push(`${columnName(j)} (all missing)`);
  }
  refuseUnusable(unusable, w.cols, unusableColumns);
  for (let g = 0; g < groups; g++) {
    const width = Math.min(GROUP, w.cols - g * GROUP);
    let entries = 1;
    for (let j = g * GROUP; j < g * GROUP + width; j++) {
      const missing = w.i32[featureTable / 4 + 2 * j + 1]!;
      entries = Math.max(entries, w.i32[featureTable / 4 + 2 * j]! + (missing >= 0 ? 1 : 0));
    }
    const at = groupTable / 4 + g * 4;
    w.u32[at] = width;
    w.u32[at + 1] = entries;
    w.u32[at + 2] = w.train.bins + g * w.train.rows * GROUP;
    w.u32[at + 3] = g * 256 * 128;
  }
}

/** Throws QUALITY for columns that cannot be split, unless they are ignored and others remain. */
export function refuseUnusable(unusable: readonly string[], cols: number, policy: 'refuse' | 'ignore'): void {
  if (unusable.length === 0 || (policy === 'ignore' && unusable.length < cols)) return;
  const shown = unusable.slice(0, 5).join(', ') + (unusable.length > 5 ? ` and ${unusable.length - 5} more` : '');
  throw new QuantlineError('QUALITY', `Columns without two different values in the training rows: ${shown}.`, {
    hint: 'Leave these features out, or train on more rows.',
    details: { columns: unusable },
  });
}

function binRows(w: Workspace, x: FloatMatrix, set: BinnedSet): void {
  const { row, column } = strides(x);
  for (let from = 0; from < x.rows; from += w.block) {
    const to = Math.min(from + w.block, x.rows);
    for (let g = 0; g < w.shared.groups; g++) {
      const j = g * GROUP;
      const width = Math.min(GROUP, w.cols - j);
      const table = w.shared.featureTable + j * 8;
      const out = set.bins + g * set.rows * GROUP;
      w.pool.add(Task.bins, w.raw + j * column * 4, row, column, from, to, width, w.cutsAt + j * 1024, table, out);
    }
  }
  w.pool.flush();
}

/** Marks columns with missing cells; throws INPUT at an infinite one. */
function checkEvaluation(x: FloatMatrix, missing: Uint8Array, columnName: (column: number) => string): void {
  scanCells(x, (value, i, j) => {
    if (Number.isNaN(value)) missing[j] = 1;
    else if (!Number.isFinite(value)) refuseInfinity(i, `${columnName(j)} of the evaluation set`);
  });
}

/** Visits every cell in the order of memory. */
function scanCells(x: FloatMatrix, visit: (value: number, row: number, column: number) => void): void {
  const { data, rows, cols } = x;
  if (x.layout === 'column') {
    for (let j = 0, at = 0; j < cols; j++) for (let i = 0; i < rows; i++, at++) visit(data[at]!, i, j);
  } else {
    for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < cols; j++, at++) visit(data[at]!, i, j);
  }
}

/** Bits of a float32 without its sign, where it is infinite. */
const INFINITE = 0x7f800000;

/** INPUT where a cell is infinite. One pass over the bits: a few milliseconds for millions of cells. */
export function refuseInfinities({ data, rows, cols, layout }: FloatMatrix, columnName: (j: number) => string): void {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  for (let at = 0; at < bits.length; at++) {
    if ((bits[at]! & 0x7fffffff) !== INFINITE) continue;
    if (layout === 'column') refuseInfinity(at % rows, columnName(Math.floor(at / rows)));
    refuseInfinity(Math.floor(at / cols), columnName(at % cols));
  }
}

function refuseInfinity(row: number, column: string): never {
  throw new QuantlineError('INPUT', `Row ${row}, column ${column} is infinite.`, {
    hint: 'Missing values are NaN; infinite ones are errors of the feature.',
    details: { row, column },
  });
}

/** Threshold of the split after `bin`: values below it go left. */
export const thresholdOf = (w: Workspace, feature: number, bin: number): number =>
  w.f32[w.cutsAt / 4 + feature * 256 + bin]!;
