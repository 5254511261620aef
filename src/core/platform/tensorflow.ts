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

/** TensorFlow.js' own operations and layers on the same library; half a second of JavaScript. */
export type TensorflowJs = typeof core & Pick<typeof layers, 'layers'>;

export interface Tensorflow {
  readonly binding: TensorflowBinding;
  /**
   * Runs operations, wherever matrices may be multiplied: a signal that arrives in the midst of the library's product
   * corrupts its memory (seen with libtensorflow 2.15 on x64: Ctrl-C or a resized terminal, then an abort). Throws MEMORY
   * where the library has none for a tensor.
   */
  run<T>(operations: () => T): T;
  /** Version of the package and of the library behind it. */
  readonly version: string;
  js(): Promise<TensorflowJs>;
}

const PACKAGE = '@tensorflow/tfjs-node';
/** Versions of Node-API for which the package has a binding, the newest first. */
const NODE_API = [8, 7, 6, 5, 4, 3];
let opened: Promise<Tensorflow> | undefined;

/**
 * Loads TensorFlow's library through @tensorflow/tfjs-node, once a thread: each thread has tensors and a context of its
 * own. Throws CONFIG where the package is absent or its library was never downloaded or does not load: only trying tells.
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
  const manifest = require.resolve(`${PACKAGE}/package.json`);
  const file = NODE_API.filter((n) => n <= Number(process.versions['napi']))
    .map((n) => join(dirname(manifest), 'lib', `napi-v${n}`, 'tfjs_binding.node'))
    .find(existsSync);
  if (file === undefined) throw new Error('its library was not downloaded');
  // One thread an operation repeats bit for bit and is the quickest at batches of this size. Read by the library when it
  // starts, from the process' environment, which a worker cannot change.
  process.env['TF_NUM_INTRAOP_THREADS'] ??= '1';
  process.env['TF_NUM_INTEROP_THREADS'] ??= '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const binding = require(file) as TensorflowBinding;
  const shield = await signalShield();
  return {
    binding,
    run(operations) {
      try {
        return shield(operations);
      } catch (error) {
        throw memoryError(error) ?? error;
      }
    },
    version: `${(require(manifest) as { readonly version: string }).version}-tf${binding.TF_Version}`,
    async js() {
      restoreUtilities(require('node:util') as Record<string, unknown>);
      const tf = require(PACKAGE) as TensorflowJs;
      await tf.ready();
      return tf;
    },
  };
}

/** Status 8 is the library's RESOURCE_EXHAUSTED. */
function memoryError(cause: unknown): QuantlineError | undefined {
  if (!(cause instanceof Error) || !cause.message.startsWith('Invalid TF_Status: 8\n')) return undefined;
  return new QuantlineError('MEMORY', `TensorFlow ran out of memory: ${cause.message.split('Message: ')[1]}`, {
    hint: 'Use a smaller network, a smaller batch or fewer --threads.',
    cause,
  });
}

/** Functions of node:util that tfjs-node 4.22 calls and Node 23 no longer has. */
function restoreUtilities(util: Record<string, unknown>): void {
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}
