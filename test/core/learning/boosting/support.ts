import { readFileSync } from 'node:fs';
import { seededRandom } from '../../../../src/core/domain/random.js';
import type { BoostingParams, FloatMatrix } from '../../../../src/core/learning/boosting/index.js';

const folder = new URL('../../../../fixtures/truth/xgboost/', import.meta.url);

export const readFixture = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

/** Numbers as recorded: null stands for NaN. */
export const floats = (values: readonly (number | null)[]): Float32Array =>
  Float32Array.from(values, (value) => value ?? Number.NaN);

/** LIBSVM text as a dense matrix; cells not named are missing. */
export function readLibsvm(name: string, cols: number): { x: FloatMatrix; y: Float32Array } {
  const lines = readFixture(name).trim().split('\n');
  const data = new Float32Array(lines.length * cols).fill(Number.NaN);
  const y = new Float32Array(lines.length);
  lines.forEach((line, i) => {
    const [label, ...cells] = line.split(' ');
    y[i] = Number(label);
    for (const cell of cells) {
      const [column, value] = cell.split(':');
      data[i * cols + Number(column)] = Number(value);
    }
  });
  return { x: { data, rows: lines.length, cols }, y };
}

/** One case recorded by record.py. */
export interface Recorded {
  readonly name: string;
  readonly xgboost: string;
  readonly params: Record<string, number | string>;
  readonly rounds: number;
  readonly rows: number;
  readonly cols: number;
  readonly x: (number | null)[];
  readonly y: number[];
  readonly weights: number[] | null;
  readonly probe: (number | null)[];
  readonly margin: number[];
  readonly prediction: number[];
  readonly trainMargin: number[];
  readonly contributions: number[];
  readonly importance: Record<string, Record<string, number>>;
  readonly model: unknown;
}

export const CASES = ['logistic', 'logistic-missing', 'squared', 'softprob', 'deep'] as const;
/** Recorded cases that the embedded trainer does not train: read and scored only. */
export const NATIVE_CASES = ['forest', 'dart', 'huber'] as const;
export const recorded = (name: string): Recorded => JSON.parse(readFixture(`${name}.json`)) as Recorded;

/** The recorded parameters under the names of BoostingParams. */
export function paramsOf(c: Recorded): BoostingParams {
  const { nthread: _, tree_method: __, reg_lambda, reg_alpha, ...rest } = c.params;
  return {
    ...rest,
    ...(reg_lambda === undefined ? {} : { lambda: reg_lambda }),
    ...(reg_alpha === undefined ? {} : { alpha: reg_alpha }),
  } as unknown as BoostingParams;
}

/** Seeded rows with some missing cells, and labels that depend on them. */
export function synthetic(rows: number, cols: number, seed: number, missing = 0) {
  const random = seededRandom(seed);
  const data = new Float32Array(rows * cols);
  const y = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) data[i * cols + j] = random.next() + random.next() - 1;
    const at = i * cols;
    const z = data[at]! + 2 * data[at + 1]! * data[at + 2]! + 0.4 * (random.next() - 0.5);
    y[i] = z > 0 ? 1 : 0;
    for (let j = 0; j < cols; j++) if (random.next() < missing) data[at + j] = Number.NaN;
  }
  return { x: { data, rows, cols } satisfies FloatMatrix, y };
}

export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};
