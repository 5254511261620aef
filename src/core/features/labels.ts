import { z } from 'zod';
import { nearest } from '../config/index.js';
import type { BarColumns } from '../domain/bars.js';
import { invariant } from '../errors/index.js';
import { ExpressionReader } from './expression.js';
import { type NumberArgument, pointAt, readSettings, type Source } from './settings.js';

/** Labels of one instrument's bars; for training only, never part of a decision. */
export interface LabelColumns {
  /** One a bar; NaN where the future is not there. */
  readonly values: Float64Array;
  /** Index of the bar from which the label is known; -1 where it is not. */
  readonly endIndex: Int32Array;
  /** knownAt of that bar, epoch ms UTC; NaN where it is not. Rows are purged by it. */
  readonly endTime: Float64Array;
}

/**
 * What a model learns. A decision at bar t fills at the open of bar t + 1, so the return that it earns over n bars is
 * open[t + 1 + n] / open[t + 1] - 1, known for certain with bar t + 1 + n.
 */
export interface Label {
  readonly name: 'return' | 'direction' | 'triple-barrier' | 'meta';
  /** Canonical text: `direction(5)`. */
  readonly text: string;
  /** Bars from the decision to the bar with which the label is known: n + 1. */
  readonly horizon: number;
  /** What a model's score means that was trained on it. */
  readonly scoreKind: 'return' | 'probability';
  /** Its labels differ in length: rows are weighed by uniqueness unless told otherwise. */
  readonly uneven?: boolean;
  compute(bars: BarColumns, knownAt: Float64Array): LabelColumns;
}

const settings = z.object({ bars: z.number().int().min(1).max(100_000).default(1) });
const NAMES = ['return', 'direction'] as const;

/** `return(n)`: the return itself. `direction(n)`: 1 where it is above zero, else 0. USAGE pointing at what is wrong. */
export function parseLabel(text: string): Label {
  const source: Source = { text, what: 'label' };
  const calls = new ExpressionReader(text, 'label').list();
  const call = calls[0];
  invariant(call !== undefined, 'a list has at least one call');
  if (calls[1] !== undefined)
    throw pointAt(source, calls[1].at, calls[1].end, 'There is one label to a model', 'Leave the others out.');
  const name = NAMES.find((known) => known === call.name);
  if (name === undefined) {
    const near = nearest(call.name, NAMES);
    const hint = near === undefined ? 'There are: return(n), direction(n).' : `Did you mean "${near}(5)"?`;
    throw pointAt(source, call.at, call.nameEnd, `There is no label "${call.name}"`, hint);
  }
  const nested = call.args.find((arg) => arg.kind === 'call');
  if (nested !== undefined)
    throw pointAt(source, nested.at, nested.end, `${name} takes a number of bars`, `Write ${name}(5).`);
  const { bars: n } = readSettings(source, call, call.args as NumberArgument[], settings) as z.output<typeof settings>;
  return {
    name,
    text: `${name}(${n})`,
    horizon: n + 1,
    scoreKind: name === 'return' ? 'return' : 'probability',
    compute: (bars, knownAt) => compute(bars, knownAt, n, name === 'direction'),
  };
}

function compute({ open }: BarColumns, knownAt: Float64Array, n: number, direction: boolean): LabelColumns {
  const rows = open.length;
  invariant(knownAt.length === rows, 'one knownAt a bar');
  const values = new Float64Array(rows).fill(Number.NaN);
  const endIndex = new Int32Array(rows).fill(-1);
  const endTime = new Float64Array(rows).fill(Number.NaN);
  for (let t = 0; t + 1 + n < rows; t++) {
    const value = open[t + 1 + n]! / open[t + 1]! - 1;
    values[t] = direction ? (value > 0 ? 1 : 0) : value;
    endIndex[t] = t + 1 + n;
    endTime[t] = knownAt[t + 1 + n]!;
  }
  return { values, endIndex, endTime };
}
