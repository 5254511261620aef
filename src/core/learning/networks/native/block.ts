import type { Random } from '../../../domain/random.js';
import type { Tensorflow } from '../../../platform/tensorflow.js';
import type { NetworkLayout } from '../layout.js';
import { tensorPlaces } from '../tensors.js';
import { type Batch, type NativeNetwork, WeightTensor } from './network.js';
import { type Id, Operations } from './operations.js';
import { denseStep, dropoutStep, lastStep, lstmStep, type Step } from './steps.js';

/**
 * A network by TensorFlow's fused `BlockLSTMV2` and its gradient operation: the whole sequence in one call each, gates i,
 * f, c, o as in Keras. The operations are undocumented, so `LayersNetwork` stays as their test and their substitute.
 */
export class BlockNetwork implements NativeNetwork {
  private readonly ops: Operations;
  private readonly steps: readonly Step[];

  constructor(
    tensorflow: Tensorflow,
    private readonly layout: NetworkLayout,
  ) {
    this.ops = new Operations(tensorflow);
    this.steps = stepsOf(this.ops, layout);
  }

  assign(parameters: Float32Array): void {
    for (const step of this.steps) step.assign?.(parameters);
  }

  logits(batch: Batch): Float32Array {
    this.prepare(batch);
    return this.ops.scope(() => this.ops.data(this.forward(batch, undefined)));
  }

  train(
    batch: Batch,
    random: Random | undefined,
    slopes: (z: Float32Array) => Float32Array,
    gradient: Float32Array,
  ): void {
    this.prepare(batch);
    gradient.fill(0);
    this.ops.scope(() => {
      const z = this.ops.data(this.forward(batch, random));
      let dy = this.ops.tensor([batch.rows, this.layout.spec.output.units], slopes(z));
      for (const step of this.steps.toReversed()) dy = step.backward(dy, gradient);
    });
  }

  dispose(): void {
    for (const step of this.steps) step.dispose?.();
  }

  private prepare({ rows }: Batch): void {
    for (const step of this.steps) step.prepare?.(rows);
  }

  private forward({ values, rows }: Batch, random: Random | undefined): Id {
    const { steps, inputs } = this.layout.spec;
    let value = this.ops.tensor([steps, rows, inputs], values);
    for (const step of this.steps) value = step.forward(value, rows, random);
    return value;
  }
}

function stepsOf(ops: Operations, layout: NetworkLayout): Step[] {
  const places = tensorPlaces(layout);
  const { steps } = layout.spec;
  let at = 0;
  const weights = (count: number): WeightTensor => {
    at += count;
    return new WeightTensor(places.slice(at - count, at));
  };
  return layout.layers.flatMap((layer, i) => {
    const next = layout.layers[i + 1];
    const sequence = next?.kind === 'lstm';
    const made =
      layer.kind === 'lstm'
        ? [lstmStep(ops, layer, steps, [weights(2), weights(1)])]
        : [denseStep(ops, layer, [weights(1), weights(1)])];
    if (layer.kind === 'dense' && i === 0) made.unshift(lastStep(ops, steps, layer.inputs));
    if (layer.kind === 'lstm' && !sequence) made.push(lastStep(ops, steps, layer.units));
    if (layer.dropout > 0 && next !== undefined)
      made.push(dropoutStep(ops, layer.dropout, sequence ? steps : undefined, layer.units));
    return made;
  });
}
