import { libraryCandidates, openXgboost } from '../../src/core/learning/boosting/native/library.js';

/** XGBoost's own library where this machine has one. */
export const xgboostLibrary = libraryCandidates(process.env['QUANTLINE_XGBOOST_LIB'])[0];

/** Kinds of XGBoosterPredictFromDMatrix. */
const TYPES = { margin: 1, contributions: 2 } as const;

/** What the library itself makes of a model file: float32 margins, or `pred_contribs`, of row-major rows. */
export async function libraryPredicts(
  model: string | Uint8Array,
  x: { readonly data: Float32Array; readonly rows: number; readonly cols: number },
  kind: keyof typeof TYPES,
): Promise<number[]> {
  const library = await openXgboost({ library: xgboostLibrary! });
  const out = (): unknown[] => [null];
  const [matrix, booster, shape, result] = [out(), out(), out(), out()];
  const dimensions: unknown[] = [0];
  library.call('XGDMatrixCreateFromMat_omp', x.data, x.rows, x.cols, Number.NaN, matrix, 1);
  library.call('XGBoosterCreate', [], 0, booster);
  const bytes = typeof model === 'string' ? Buffer.from(model) : model;
  library.call('XGBoosterLoadModelFromBuffer', booster[0], bytes, bytes.length);
  const config = { type: TYPES[kind], training: false, iteration_begin: 0, iteration_end: 0, strict_shape: true };
  const arguments_ = [booster[0], matrix[0], JSON.stringify(config), shape, dimensions, result];
  library.call('XGBoosterPredictFromDMatrix', ...arguments_);
  const sizes = Array.from(library.decode(shape[0], 'uint64_t', Number(dimensions[0])) as ArrayLike<bigint>, Number);
  const size = sizes.reduce((a, b) => a * b, 1);
  const values = Array.from(library.decode(result[0], 'float', size) as ArrayLike<number>);
  library.call('XGBoosterFree', booster[0]);
  library.call('XGDMatrixFree', matrix[0]);
  return values;
}
