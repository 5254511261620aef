import { QuantlineError } from '../../errors/index.js';
import type { NetworkSpec } from './layout.js';
import type { Loss } from './losses.js';
import type { TrainingSettings } from './settings.js';
import type { FeatureMatrix } from './windows.js';

export interface TrainingData {
  /** The last row of each window in the matrix; its sequence is the `steps` rows that end there. Nothing is copied. */
  readonly windows: Int32Array;
  /** `output.units` numbers a window, window by window; for softmax one class number a window. */
  readonly labels: Float32Array;
  /** One weight a window, e.g. its uniqueness; they are scaled to a mean of 1. */
  readonly weights?: Float32Array;
}

const fail = (message: string, hint: string, details?: Record<string, unknown>): never => {
  throw new QuantlineError('INPUT', message, { hint, ...(details === undefined ? {} : { details }) });
};

/** Throws INPUT where shapes do not fit, labels are not what the loss needs, or only one class is there. */
export function checkData(
  spec: NetworkSpec,
  loss: Loss,
  matrix: FeatureMatrix,
  data: TrainingData,
  name: string,
): void {
  const { windows, labels, weights } = data;
  const width = loss === 'ce' ? 1 : spec.output.units;
  if (matrix.cols !== spec.inputs)
    fail(`The matrix has ${matrix.cols} columns, the network ${spec.inputs} inputs.`, 'Set inputs to the columns.');
  if (matrix.values.length < matrix.rows * matrix.cols)
    fail(
      `The matrix holds ${matrix.values.length} numbers, ${matrix.rows} × ${matrix.cols} were stated.`,
      'Pass all rows.',
    );
  if (windows.length === 0) fail(`No ${name} windows.`, `Use more rows, or fewer than ${spec.steps} steps.`);
  if (labels.length !== windows.length * width)
    fail(`${labels.length} ${name} labels for ${windows.length} windows of ${width}.`, 'Pass one label row a window.');
  if (weights !== undefined && weights.length !== windows.length)
    fail(`${weights.length} ${name} weights for ${windows.length} windows.`, 'Pass one weight a window.');
  if (weights !== undefined && !weights.every((w) => w >= 0 && Number.isFinite(w)))
    fail(`A ${name} weight is negative or not finite.`, 'Pass weights of 0 and above.');
  const classes = new Set<number>();
  for (let i = 0; i < labels.length; i++) {
    const y = labels[i]!;
    const details = { index: i, value: y };
    if (!Number.isFinite(y)) fail(`The ${name} label ${i} is ${y}.`, 'Leave out windows without a label.', details);
    if (loss === 'bce' && (y < 0 || y > 1)) fail(`The ${name} label ${i} is ${y}.`, 'Labels lie in [0, 1].', details);
    if (loss === 'ce' && (!Number.isInteger(y) || y < 0 || y >= spec.output.units))
      fail(`The ${name} label ${i} is ${y}.`, `Classes are 0 to ${spec.output.units - 1}.`, details);
    if (classes.size < 2) classes.add(y);
  }
  if (name === 'training' && classes.size < 2)
    fail(`All ${labels.length} training labels are ${labels[0]}.`, 'Use a longer range or another label.');
}

/** Weights of training (mean 1) and validation windows: given weight times class weight; validation has none of the scaling. */
export function sampleWeights(
  loss: Loss,
  classWeights: TrainingSettings['classWeights'],
  training: TrainingData,
  validation: TrainingData | undefined,
): { training: Float32Array; validation: Float32Array } {
  const own = Float32Array.from(training.windows, (_, i) => training.weights?.[i] ?? 1);
  const other = Float32Array.from(validation?.windows ?? [], (_, i) => validation?.weights?.[i] ?? 1);
  if (classWeights !== 'none') {
    const classified = loss === 'ce' || (loss === 'bce' && training.labels.length === training.windows.length);
    if (!classified)
      throw new QuantlineError('CONFIG', 'Class weights need a softmax output or one sigmoid output.', {
        hint: 'Set classWeights to none.',
        details: { field: 'classWeights' },
      });
    const classOf = (y: number): number => (loss === 'ce' ? y : y >= 0.5 ? 1 : 0);
    const table = classTable(classWeights, training.labels, classOf);
    own.forEach((w, i) => {
      own[i] = w * table(classOf(training.labels[i]!));
    });
    other.forEach((w, i) => {
      other[i] = w * table(classOf(validation!.labels[i]!));
    });
  }
  let sum = 0;
  for (const w of own) sum += w;
  if (!(sum > 0)) fail('All training weights are 0.', 'Pass a weight above 0 for some window.');
  const factor = own.length / sum;
  return { training: own.map((w) => w * factor), validation: other };
}

function classTable(
  classWeights: 'balanced' | readonly number[],
  labels: Float32Array,
  classOf: (y: number) => number,
): (k: number) => number {
  if (classWeights !== 'balanced') {
    const bad = classWeights.findIndex((w) => !(w >= 0 && Number.isFinite(w)));
    if (bad >= 0) fail(`Class weight ${bad} is ${classWeights[bad]}.`, 'Pass weights of 0 and above.');
    return (k) => classWeights[k] ?? fail(`No class weight for class ${k}.`, 'Pass one weight a class.');
  }
  const counts = new Map<number, number>();
  for (const y of labels) counts.set(classOf(y), (counts.get(classOf(y)) ?? 0) + 1);
  return (k) => {
    const count = counts.get(k);
    return count === undefined ? 1 : labels.length / (counts.size * count);
  };
}
