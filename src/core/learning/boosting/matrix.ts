import { QuantlineError } from '../../errors/index.js';

/** A dense table of float32, NaN = missing. Over a SharedArrayBuffer or not. */
export interface FloatMatrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly cols: number;
  /** `row`: cell (i, j) at i * cols + j (the default); `column`: at j * rows + i. */
  readonly layout?: 'row' | 'column';
}

/** Compressed sparse rows; an absent cell is missing. Columns of a row in any order. */
export interface SparseMatrix {
  readonly indptr: ArrayLike<number>;
  readonly indices: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  readonly rows: number;
  readonly cols: number;
}

export type Matrix = FloatMatrix | SparseMatrix;

export const isSparse = (matrix: Matrix): matrix is SparseMatrix => 'indptr' in matrix;

/** Distance between two rows of a column, and between two columns of a row, in cells. */
export const strides = (m: FloatMatrix): { row: number; column: number } =>
  m.layout === 'column' ? { row: 1, column: m.rows } : { row: m.cols, column: 1 };

const size = (n: number): boolean => Number.isInteger(n) && n >= 0;

/** Throws INPUT unless the parts of the matrix fit together. `what` names it in the message. */
export function checkMatrix(matrix: Matrix, what: string): void {
  const { rows, cols } = matrix;
  const fail = (message: string): never => {
    throw new QuantlineError('INPUT', `${what}: ${message}`, { details: { rows, cols } });
  };
  if (!size(rows) || !size(cols) || cols === 0) fail(`${rows} rows and ${cols} columns are no table.`);
  if (!isSparse(matrix)) {
    if (!(matrix.data instanceof Float32Array)) fail('the cells must be a Float32Array.');
    if (matrix.data.length !== rows * cols)
      fail(`${matrix.data.length} cells do not make ${rows} rows of ${cols} columns.`);
    return;
  }
  const { indptr, indices, values } = matrix;
  if (indptr.length !== rows + 1) fail(`indptr has ${indptr.length} entries instead of ${rows + 1}.`);
  if (indptr[0] !== 0 || indptr[rows] !== indices.length || indices.length !== values.length)
    fail('indptr, indices and values do not belong together.');
  for (let i = 0; i < rows; i++) if (indptr[i + 1]! < indptr[i]!) fail(`indptr goes back at row ${i}.`);
  for (let i = 0; i < indices.length; i++)
    if (!size(indices[i]!) || indices[i]! >= cols) fail(`column ${indices[i]} of ${cols} at entry ${i}.`);
}

/** Writes row `i` of a sparse matrix into `out`, whose first `cols` cells are overwritten. */
export function expandRow(matrix: SparseMatrix, i: number, out: Float32Array): void {
  out.fill(Number.NaN, 0, matrix.cols);
  for (let p = matrix.indptr[i]!; p < matrix.indptr[i + 1]!; p++) out[matrix.indices[p]!] = matrix.values[p]!;
}

/** The dense twin of a matrix: itself when it is dense. */
export function dense(matrix: Matrix): FloatMatrix {
  if (!isSparse(matrix)) return matrix;
  const { rows, cols } = matrix;
  const data = new Float32Array(rows * cols);
  for (let i = 0; i < rows; i++) expandRow(matrix, i, data.subarray(i * cols, (i + 1) * cols));
  return { data, rows, cols };
}
