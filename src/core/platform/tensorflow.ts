import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as core from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';
import { QuantlineError } from '../errors/index.js';
import { signalShield } from './native.js';

/** Attribute of a TensorFlow operation, as the binding takes it. */
export interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

type Constant =
  | 'TF_ATTR_TYPE'
  | 'TF_ATTR_FLOAT'
  | 'TF_ATTR_BOOL'
  | 'TF_ATTR_INT'
  | 'TF_FLOAT'
  | 'TF_INT32'
  | 'TF_INT64';

/** tfjs-node's binding: the library's operations by their names, on tensors that are numbers until they are deleted. */
export interface TensorflowBinding extends Readonly<Record<Constant, number>> {
  readonly TF_Version: string;
  /** A 64-bit integer is two elements of an Int32Array. */
  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array;
  /** Tensors that have not been deleted. */
  getNumOfTensors(): number;
  executeOp(
    name: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): { readonly id: number }[];
}

export interface Tensorflow {
  readonly tf: typeof core & Pick<typeof layers, 'layers'>;
  readonly binding: TensorflowBinding;
  /**
   * Runs operations, wherever matrices may be multiplied: a signal that arrives in the midst of the library's product
   * corrupts its memory (seen with libtensorflow 2.15 on x64: Ctrl-C or a resized terminal, then an abort).
   */
  run<T>(operations: () => T): T;
  /** Version of the package and of the library behind it. */
  readonly version: string;
}

const PACKAGE = '@tensorflow/tfjs-node';
let opened: Promise<Tensorflow> | undefined;

/**
 * Loads TensorFlow through @tensorflow/tfjs-node, once a process. Throws CONFIG where the package is absent or its
 * library was never downloaded or does not load: only trying tells.
 */
export function openTensorflow(): Promise<Tensorflow> {
  opened ??= load().catch((cause: unknown) => {
    opened = undefined;
    const reason = (cause as Error).message.split('\n')[0]!.trim();
    throw new QuantlineError('CONFIG', `The native engine (${PACKAGE}) cannot be loaded: ${reason}`, {
      hint: 'npm rebuild @tensorflow/tfjs-node downloads its library; or use --engine embedded.',
      cause,
    });
  });
  return opened;
}

async function load(): Promise<Tensorflow> {
  const require = createRequire(import.meta.url);
  const home = dirname(require.resolve(`${PACKAGE}/package.json`));
  // Looked for first: importing half a second of JavaScript to learn that its library is missing helps nobody.
  if (![3, 4, 5, 6, 7, 8].some((n) => existsSync(join(home, 'lib', `napi-v${n}`, 'tfjs_binding.node')))) {
    throw new Error('its library was not downloaded');
  }
  // One thread repeats bit for bit and is the quickest at batches of this size. Read by the library when it starts.
  process.env['TF_NUM_INTRAOP_THREADS'] ??= '1';
  process.env['TF_NUM_INTEROP_THREADS'] ??= '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  restoreUtilities(require('node:util') as Record<string, unknown>);
  const tf = require(PACKAGE) as Tensorflow['tf'] & { readonly version: Record<string, string> };
  await tf.ready();
  const { binding } = tf.backend() as unknown as { readonly binding: TensorflowBinding };
  return {
    tf,
    binding,
    run: await signalShield(),
    version: `${tf.version['tfjs-node']}-tf${binding.TF_Version}`,
  };
}

/** Functions of node:util that tfjs-node 4.22 calls and Node 23 no longer has. */
function restoreUtilities(util: Record<string, unknown>): void {
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}
