import { seededRandom } from '../../../domain/random.js';
import { layoutNetwork, type NetworkLayout } from '../layout.js';
import type { ShardSession } from '../session.js';
import type { ShardLoss, ShardNetwork, ShardTraining } from '../shard.js';
import { BatchReader, type NativeNetwork } from './network.js';

/** Rows of one shard of a training session: two threads share a batch of 128, and one loses next to nothing by the cut. */
export const nativeShardRows = ({ spec }: NetworkLayout): number => (spec.lstm.length === 0 ? 128 : 64);

/** The session's network on one thread's TensorFlow, with weights of its own. */
export class NativeShards implements ShardNetwork {
  readonly outputWidth: number;
  private readonly buffer: SharedArrayBuffer;
  private readonly parameters: Float32Array;
  private readonly reader: BatchReader;
  private readonly hasDropout: boolean;

  constructor(
    private readonly network: NativeNetwork,
    { places, memory, matrix }: ShardSession,
  ) {
    const { spec, parameters } = places;
    const size = layoutNetwork(spec).parameters;
    this.buffer = memory.buffer;
    this.outputWidth = spec.output.units;
    this.parameters = new Float32Array(this.buffer, parameters.parameters, size);
    this.reader = new BatchReader(matrix, spec.steps, null);
    this.hasDropout = [...spec.lstm, ...spec.dense].some(({ dropout = 0 }) => dropout > 0);
  }

  adopt(): void {
    this.network.assign(this.parameters);
  }

  pass(ends: Int32Array, loss: ShardLoss, training?: ShardTraining): void {
    const batch = this.reader.read(ends);
    if (training === undefined) {
      loss(this.network.logits(batch), null);
      return;
    }
    const slopesOf = (z: Float32Array): Float32Array => {
      const slopes = new Float32Array(z.length);
      loss(z, slopes);
      return slopes;
    };
    const random = this.hasDropout ? seededRandom(training.seed >>> 0) : undefined;
    const gradient = new Float32Array(this.buffer, training.gradient, this.parameters.length);
    this.network.train(batch, random, slopesOf, gradient);
  }

  dispose(): void {
    this.network.dispose();
  }
}
