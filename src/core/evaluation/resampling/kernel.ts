/**
 * Work cut into rows that depend on the job and their number alone (a resampled path, a split): any thread may compute
 * any of them, and the table is the same for every number of threads.
 */
export interface Kernel {
  readonly rows: number;
  /** Values a row. */
  readonly width: number;
  /** Numbers touched by one row: whether threads are worth their start. */
  readonly cost: number;
  /** Computes rows [from, to) into `out`, which holds all rows. */
  fill(from: number, to: number, out: Float64Array): void;
}

/** The whole table on the calling thread. */
export function fillHere(kernel: Kernel): Float64Array {
  const out = new Float64Array(kernel.rows * kernel.width);
  kernel.fill(0, kernel.rows, out);
  return out;
}

/** One column of a table. */
export const columnOf = (table: Float64Array, width: number, column: number): Float64Array =>
  Float64Array.from({ length: table.length / width }, (_, row) => table[row * width + column]!);
