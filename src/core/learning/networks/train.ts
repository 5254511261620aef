import { setImmediate } from 'node:timers/promises';
import { childSeed, seededRandom } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import { systemClock } from '../../platform/clock.js';
import { embeddedShardRows } from './embedded.js';
import { embeddedEngine, type NetworkEngine } from './engine.js';
import { type Initializer, initializeParameters } from './initialize.js';
import { kernelModule, trainingVariant } from './kernels.js';
import { layoutNetwork, type NetworkSpec } from './layout.js';
import { lossFor } from './losses.js';
import { NetworkModel } from './model.js';
import { nativeEngine } from './native/engine.js';
import { nativeShardRows } from './native/shards.js';
import { Adam } from './optimizer.js';
import { ShardPool } from './pool.js';
import { planSession, sessionRows } from './session.js';
import { resolveSettings, type TrainingSettings } from './settings.js';
import { exportTensors } from './tensors.js';
import { checkData, sampleWeights, type TrainingData } from './training-data.js';
import { type FeatureMatrix, fitScaler, requireFinite, rowsOfWindows, scaleMatrix } from './windows.js';

export interface EpochReport {
  /** From 1. */
  readonly epoch: number;
  /** Mean weighted loss over the epoch's batches, dropout on; and over the validation windows, dropout off. */
  readonly loss: number;
  readonly validationLoss?: number;
  readonly learningRate: number;
  /** Largest gradient norm before clipping. */
  readonly gradientNorm: number;
}

export interface TrainingResult {
  readonly model: NetworkModel;
  readonly history: readonly EpochReport[];
  /** The epoch whose weights the model has, from 1. */
  readonly bestEpoch: number;
  readonly stopped: 'epochs' | 'patience' | 'signal';
  readonly engine: NetworkEngine;
}

export interface TrainOptions {
  /** `native` computes gradients by TensorFlow; everything else is the same code. */
  readonly engine?: NetworkEngine['name'];
  readonly spec: NetworkSpec;
  readonly matrix: FeatureMatrix;
  readonly training: TrainingData;
  readonly validation?: TrainingData;
  readonly settings?: Partial<TrainingSettings>;
  /** Threads that work on a batch, the caller's included; no more than it has shards. Never changes a result. */
  readonly threads?: number;
  /** Stops after the current batch: INTERRUPTED is thrown, or the best weights so far are returned if asked for. */
  readonly signal?: AbortSignal;
  readonly keepBestOnAbort?: boolean;
  readonly onEpoch?: (report: EpochReport) => void;
  readonly initializer?: Initializer;
}

/**
 * Trains a network by mini-batch Adam on windows over one feature matrix. The scaler is fitted on the rows that training
 * windows read. Equal inputs and seed give equal bits, for any number of threads.
 * Throws CONFIG for settings, INPUT for data that cannot be learnt from, MEMORY, INTERRUPTED.
 */
export async function trainNetwork(options: TrainOptions): Promise<TrainingResult> {
  const { spec, matrix, training, validation, signal } = options;
  const settings = resolveSettings(options.settings);
  const loss = lossFor(spec.output.activation, settings.loss);
  checkData(spec, loss, matrix, training, 'training');
  if (validation !== undefined) checkData(spec, loss, matrix, validation, 'validation');
  const used = rowsOfWindows(matrix, training.windows, spec.steps);
  requireFinite(matrix, used);
  if (validation !== undefined) requireFinite(matrix, rowsOfWindows(matrix, validation.windows, spec.steps));
  const scaler = settings.scale ? fitScaler(matrix, used) : null;

  const threads = options.threads ?? 1;
  if (!Number.isInteger(threads) || threads < 1)
    throw new QuantlineError('CONFIG', `Training with ${threads} threads.`, { hint: 'Set a whole number from 1.' });
  const n = training.windows.length;
  const batch = Math.min(settings.batchSize, n);
  const native = options.engine === 'native' ? await nativeEngine() : undefined;
  const layout = layoutNetwork(spec);
  const shardRows = native === undefined ? embeddedShardRows(layout) : nativeShardRows(layout);
  const working = Math.min(threads, Math.ceil(batch / shardRows));
  const { places, memory } = planSession(layout, loss, {
    ...{ batch, shardRows, training: n, validation: validation?.windows.length ?? 0 },
    programs: native === undefined ? working : 0,
  });
  const { buffer } = memory;
  const parameters = new Float32Array(buffer, places.parameters.parameters, layout.parameters);
  const best = new Float32Array(buffer, places.best, layout.parameters);
  const { order, ends, labels, weights } = sessionRows(places, buffer);
  ends.set(training.windows);
  labels.set(training.labels);
  const { training: own, validation: other } = sampleWeights(loss, settings.classWeights, training, validation);
  weights.set(own);
  if (validation !== undefined) {
    ends.set(validation.windows, n);
    labels.set(validation.labels, n * places.labelWidth);
    weights.set(other, n);
  }
  for (let i = 0; i < order.length; i++) order[i] = i;
  initializeParameters(layout, parameters, childSeed(settings.seed, 'initial'), options.initializer);
  best.set(parameters);

  const history: EpochReport[] = [];
  let bestLoss = Number.POSITIVE_INFINITY;
  let bestEpoch = 0;
  let stopped: TrainingResult['stopped'] = 'epochs';
  const module = kernelModule(native === undefined ? trainingVariant() : 'plain');
  const engine = await ShardPool.start(
    { places, memory, module, matrix: scaler === null ? matrix : scaleMatrix(matrix, scaler), native: native?.kind },
    working,
  );
  try {
    const adam = new Adam(engine.kernels, layout, places.adam, settings);
    engine.weightsChanged();
    let pause = systemClock.monotonic();
    const batches = Math.ceil(n / batch);
    for (let epoch = 1; epoch <= settings.epochs && stopped === 'epochs'; epoch++) {
      const random = seededRandom(childSeed(settings.seed, 'order', epoch));
      if (settings.shuffle) for (let i = n - 1; i > 0; i--) swap(order, i, Math.floor(random.next() * (i + 1)));
      let sum = 0;
      let gradientNorm = 0;
      let learningRate = settings.learningRate;
      for (let b = 0; b < batches; b++) {
        if (signal?.aborted) {
          stopped = 'signal';
          break;
        }
        const rows = Math.min(batch, n - b * batch);
        const seed = childSeed(settings.seed, 'dropout', epoch, b) | 0;
        sum += await engine.train(b * batch, rows, seed, 1 / rows);
        learningRate = rateAt(settings, (epoch - 1) * batches + b, settings.epochs * batches);
        const norm = adam.step(places.parameters.parameters, places.gradients[0]!, learningRate);
        if (!Number.isFinite(norm)) throw diverged(epoch);
        if (norm > gradientNorm) gradientNorm = norm;
        engine.weightsChanged();
        // Lets signals and progress through without costing anything measurable.
        if (systemClock.monotonic() - pause > 50) {
          await setImmediate();
          pause = systemClock.monotonic();
        }
      }
      if (stopped === 'signal') break;
      const validationLoss =
        validation === undefined ? undefined : (await engine.evaluate(n, validation.windows.length)) / sumOf(other);
      const report: EpochReport = {
        ...{ epoch, loss: sum / sumOf(own), learningRate, gradientNorm },
        ...(validationLoss === undefined ? {} : { validationLoss }),
      };
      history.push(report);
      options.onEpoch?.(report);
      const watched = validationLoss ?? report.loss;
      if (!Number.isFinite(watched)) throw diverged(epoch);
      if (watched < bestLoss - settings.minDelta) {
        bestLoss = watched;
        bestEpoch = epoch;
        best.set(parameters);
      } else if (settings.patience > 0 && epoch - bestEpoch >= settings.patience) stopped = 'patience';
    }
  } finally {
    await engine.close();
  }
  if (stopped === 'signal' && (options.keepBestOnAbort !== true || bestEpoch === 0))
    throw new QuantlineError('INTERRUPTED', `Training was stopped in epoch ${history.length + 1}.`, {
      hint: 'Start it again; the same seed repeats the same epochs.',
    });
  const last = history.length;
  const restore = settings.restoreBest || stopped === 'signal';
  const tensors = exportTensors(layout, restore ? best : parameters);
  return {
    model: new NetworkModel(spec, scaler, tensors),
    history,
    bestEpoch: restore ? bestEpoch : last,
    stopped,
    engine: native?.info ?? embeddedEngine(),
  };
}

function swap(order: Int32Array, i: number, j: number): void {
  const kept = order[i]!;
  order[i] = order[j]!;
  order[j] = kept;
}

const sumOf = (values: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
};

function rateAt(settings: TrainingSettings, step: number, total: number): number {
  const { learningRate, schedule } = settings;
  if (schedule === 'constant') return learningRate;
  const progress = step / total;
  return learningRate * (schedule === 'linear' ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress)));
}

const diverged = (epoch: number): QuantlineError =>
  new QuantlineError('INPUT', `Training diverged in epoch ${epoch}: the loss is no longer a number.`, {
    hint: 'Lower the learning rate, set clipNorm to 1, or scale the labels.',
    details: { epoch },
  });
