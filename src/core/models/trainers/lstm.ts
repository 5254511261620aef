import { z } from 'zod';
import type { NetworkModel, NetworkSpec, TrainingData } from '../../learning/networks/index.js';
import { requireColumns } from '../columns.js';
import { holdOut } from '../rows.js';
import type { EngineInfo, FitContext, FittedModel, Learner, SavedFiles, TrainingRows } from '../trainer.js';

export const name = 'lstm';
export const summary = 'Recurrent network over the last bars’ features; saved in the TensorFlow.js layers format.';

const rate = z.number().min(0).lt(1);

export const settings = z.object({
  units: z.number().int().min(1).max(1024).default(32),
  /** Bars in a sequence, this one included. */
  steps: z.number().int().min(2).max(1000).default(32),
  layers: z.number().int().min(1).max(8).default(1),
  dropout: rate.default(0.1),
  epochs: z.number().int().min(1).default(30),
  batch: z.number().int().min(1).default(128),
  learning_rate: z.number().positive().default(0.001),
  /** Epochs without a better loss on the last fifth of the training range after which to stop; 0 = never. */
  patience: z.number().int().min(0).default(5),
  class_weights: z.enum(['none', 'balanced']).default('none'),
});
type Settings = z.output<typeof settings>;

const MODEL = 'model.json';
const WEIGHTS = 'weights.bin';
const VALIDATION = 0.2;

export function create(options: Settings): Learner {
  return {
    kind: 'learner',
    async engineFor(choice) {
      const { chooseEngine } = await import('../../learning/networks/index.js');
      return chooseEngine(choice);
    },
    async fit(rows, context) {
      const networks = await import('../../learning/networks/index.js');
      const spec = specOf(options, rows.columns.length, context);
      const { train, validation } =
        options.patience > 0 ? holdOut(rows, VALIDATION) : { train: rows, validation: undefined };
      const epochs = context.rounds ?? options.epochs;
      const training = dataOf(train, spec.steps);
      const watched = validation === undefined ? undefined : dataOf(validation, spec.steps);
      const result = await networks.trainNetwork({
        spec,
        matrix: { values: rows.series.x, rows: rows.series.rows, cols: rows.series.columns },
        training,
        ...(watched !== undefined && watched.windows.length > 0 && { validation: watched }),
        settings: {
          epochs,
          batchSize: options.batch,
          learningRate: options.learning_rate,
          patience: options.patience,
          classWeights: context.scoreKind === 'return' ? 'none' : options.class_weights,
          seed: context.seed,
        },
        engine: context.engine,
        threads: networks.usefulThreads(spec, training.windows.length, epochs, context.threads),
        signal: context.signal,
        keepBestOnAbort: context.keepBest === true,
        onEpoch: ({ epoch, loss, validationLoss }) =>
          context.onRound(epoch, epochs, {
            loss,
            ...(validationLoss !== undefined && { validation_loss: validationLoss }),
          }),
      });
      const history = result.history.map(({ loss, validationLoss }) => ({
        loss,
        ...(validationLoss !== undefined && { validation_loss: validationLoss }),
      }));
      return fitted(result.model, networks.saveLayersModel, history, result.engine);
    },
    async load(files, columns) {
      const { embeddedEngine, loadLayersModel, saveLayersModel } = await import('../../learning/networks/index.js');
      const { model } = loadLayersModel({
        modelJson: new TextDecoder().decode(files[MODEL]),
        weights: files[WEIGHTS]!,
      });
      requireColumns('The network takes', { count: model.spec.inputs }, columns);
      return fitted(model, saveLayersModel, [], embeddedEngine());
    },
  };
}

function specOf(options: Settings, inputs: number, context: FitContext): NetworkSpec {
  const { units, layers, dropout, steps } = options;
  return {
    inputs,
    steps,
    lstm: Array.from({ length: layers }, () => ({ units, dropout })),
    dense: [],
    output: { units: 1, activation: context.scoreKind === 'return' ? 'linear' : 'sigmoid' },
  };
}

/** Windows of the rows that have a whole sequence of finite features; others cannot be learnt from. */
function dataOf(rows: TrainingRows, steps: number): TrainingData {
  const { series, at, instrument, y, weights } = rows;
  const known = knownRows(series.x, series.columns, series.rows);
  const keep: number[] = [];
  for (let r = 0; r < rows.rows; r++) {
    const start = at[r]! - steps + 1;
    if (start < series.starts[instrument[r]!]!) continue;
    let whole = true;
    for (let i = start; i <= at[r]! && whole; i++) whole = known[i] === 1;
    if (whole) keep.push(r);
  }
  return {
    windows: Int32Array.from(keep, (r) => at[r]!),
    labels: Float32Array.from(keep, (r) => y[r]!),
    ...(weights !== undefined && { weights: Float32Array.from(keep, (r) => weights[r]!) }),
  };
}

function knownRows(x: Float32Array, columns: number, rows: number): Uint8Array {
  const known = new Uint8Array(rows).fill(1);
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(x[i]!)) known[Math.floor(i / columns)] = 0;
  return known;
}

function fitted(
  model: NetworkModel,
  save: (model: NetworkModel) => { modelJson: string; weights: Uint8Array },
  history: FittedModel['history'],
  engine: EngineInfo,
): FittedModel {
  const { steps, inputs } = model.spec;
  return {
    lookback: steps - 1,
    predict(x, rows, out) {
      const ends = Int32Array.from({ length: rows }, (_, r) => steps - 1 + r);
      model.predict({ values: x, rows: rows + steps - 1, cols: inputs }, ends, out);
    },
    save: async (): Promise<SavedFiles> => {
      const { modelJson, weights } = save(model);
      return { [MODEL]: modelJson, [WEIGHTS]: weights };
    },
    history,
    engine,
  };
}
