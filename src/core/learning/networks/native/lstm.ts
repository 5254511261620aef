import type { Tensor, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';
import type { OperationAttribute, Tensorflow } from '../../../platform/tensorflow.js';

/** One LSTM layer on TensorFlow: its variables in Keras' order, and h of all steps for x, both steps × rows × columns. */
export interface NativeLstm {
  readonly variables: readonly [kernel: Variable, recurrent: Variable, bias: Variable];
  apply(x: Tensor3D): Tensor3D;
}

export type LstmKind = 'block' | 'layers';

/**
 * TensorFlow's fused `BlockLSTMV2` and its gradient operation: the whole sequence in one call each. Gates i, f, c, o, as
 * in Keras. The operation is undocumented, so `layersLstm` stays as its test and its substitute.
 */
export function blockLstm(tensorflow: Tensorflow, inputs: number, units: number): NativeLstm {
  const { tf, backend } = tensorflow;
  const variables = lstmVariables(tensorflow, inputs, units);
  const [kernel, recurrent, bias] = variables;
  const cell = blockOperation(tensorflow);
  return {
    variables,
    apply(x) {
      const [steps, rows] = x.shape;
      const start = tf.zeros([rows, units]);
      const peephole = tf.zeros([units]);
      const run = tf.customGrad((...args) => {
        const [xs, w, b, save] = args as unknown as [Tensor3D, Tensor2D, Tensor, (tensors: Tensor[]) => void];
        const inputsOf = [tensorflow.int64(steps), xs, start, start, w, peephole, peephole, peephole, b];
        const outputs = backend.executeMultipleOutputs('BlockLSTMV2', cell.forward, inputsOf, 7);
        save([xs, w, b, start, peephole, ...outputs]);
        return {
          value: outputs[6]!,
          gradFunc: (dh: Tensor, saved: Tensor[]) => {
            const [x0, w0, b0, s0, p0, ...forward] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor, ...Tensor[]];
            const grads = backend.executeMultipleOutputs(
              'BlockLSTMGradV2',
              cell.backward,
              [tensorflow.int64(steps), x0, s0, s0, w0, p0, p0, p0, b0, ...forward, tf.zerosLike(dh), dh],
              8,
            );
            return [grads[0]!, grads[3]!, grads[7]!];
          },
        };
      });
      return run(x, tf.concat([kernel, recurrent], 0), bias) as Tensor3D;
    },
  };
}

function blockOperation({ backend }: Tensorflow) {
  const { binding } = backend;
  const shared: OperationAttribute[] = [
    { name: 'use_peephole', type: binding.TF_ATTR_BOOL, value: false },
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
  ];
  return {
    forward: [{ name: 'cell_clip', type: binding.TF_ATTR_FLOAT, value: 0 }, ...shared],
    backward: shared,
  };
}

/** TensorFlow.js' own layer, many times slower: what `blockLstm` is held against, and used where it does not run. */
export function layersLstm({ tf }: Tensorflow, inputs: number, units: number): NativeLstm {
  const layer = tf.layers.lstm({ units, returnSequences: true, recurrentActivation: 'sigmoid' });
  // Applied once, it makes its weights.
  tf.tidy(() => void layer.apply(tf.zeros([1, 1, inputs])));
  const variables = layer.trainableWeights.map((weight) => (weight as unknown as { val: Variable }).val);
  return {
    variables: variables as unknown as NativeLstm['variables'],
    apply: (x) => tf.transpose(layer.apply(tf.transpose(x, [1, 0, 2])) as Tensor3D, [1, 0, 2]),
  };
}

function lstmVariables(tensorflow: Tensorflow, inputs: number, units: number): NativeLstm['variables'] {
  const variable = (...shape: number[]) => zeroVariable(tensorflow, shape);
  return [variable(inputs, 4 * units), variable(units, 4 * units), variable(4 * units)];
}

export const zeroVariable = ({ tf }: Tensorflow, shape: number[]): Variable =>
  tf.tidy(() => tf.variable(tf.zeros(shape)));

/** Whether this TensorFlow runs the fused operation. */
export function hasBlockLstm(tensorflow: Tensorflow): boolean {
  const { tf } = tensorflow;
  const layer = blockLstm(tensorflow, 1, 1);
  try {
    return tf.tidy(() =>
      tf
        .grad((x: Tensor) => layer.apply(x as Tensor3D))(tf.ones([2, 1, 1]))
        .dataSync()
        .every(Number.isFinite),
    );
  } catch {
    return false;
  } finally {
    tf.dispose([...layer.variables]);
  }
}
