import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as core from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';
import { QuantlineError } from '../errors/index.js';

/** Attribute of a TensorFlow operation, as the binding takes it. */
export interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** What is used of tfjs-node's backend beside the usual operations: any operation of the library by its name. */
export interface TensorflowBackend {
  readonly binding: Readonly<Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_FLOAT', number>> & {
    readonly TF_Version: string;
  };
  executeMultipleOutputs(
    name: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly unknown[],
    outputs: number,
  ): core.Tensor[];
}

export interface Tensorflow {
  readonly tf: typeof core & Pick<typeof layers, 'layers'>;
  readonly backend: TensorflowBackend;
  /** A 64-bit integer as an operation's input. */
  int64(value: number): unknown;
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
  const { Int64Scalar } = require(join(home, 'dist', 'int64_tensors.js')) as {
    readonly Int64Scalar: new (value: number) => unknown;
  };
  const backend = tf.backend() as unknown as TensorflowBackend;
  return {
    tf,
    backend,
    int64: (value) => new Int64Scalar(value),
    version: `${tf.version['tfjs-node']}-tf${backend.binding.TF_Version}`,
  };
}

/** Functions of node:util that tfjs-node 4.22 calls and Node 23 no longer has. */
function restoreUtilities(util: Record<string, unknown>): void {
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}
