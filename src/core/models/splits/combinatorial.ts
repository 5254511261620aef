import { QuantlineError } from '../../errors/index.js';
import { type Fold, type Groups, groupByTime, type LabelSpans, purge, rowsWhere } from './spans.js';

export interface CombinatorialFold extends Fold {
  /** Groups tested, ascending. */
  readonly groups: readonly number[];
}

export interface CombinatorialSplit {
  readonly folds: readonly CombinatorialFold[];
  /**
   * Backtest paths: per path and group, the fold whose predictions of that group belong to it. Every path covers every
   * group once; φ = k/N · C(N, k) paths use each prediction once.
   */
  readonly paths: readonly (readonly number[])[];
  readonly groupOf: Int32Array;
}

/** Combinatorial purged cross-validation (López de Prado 2018, ch. 12): all choices of `tested` of `groups` groups. */
export function combinatorialPurged(
  spans: LabelSpans,
  options: { readonly groups: number; readonly tested: number; readonly embargo?: number },
): CombinatorialSplit {
  const { groups: count, tested, embargo = 0 } = options;
  if (!(tested >= 1 && tested < count))
    throw new QuantlineError(
      'USAGE',
      `combinatorial(${count},${tested}): test at least one group and fewer than all.`,
      {
        hint: 'Write cpcv(6,2): of 6 groups, each fold tests 2.',
      },
    );
  const groups = groupByTime(spans, count);
  const choices = combinations(count, tested);
  const folds = choices.map((chosen) => {
    const member = new Uint8Array(count);
    for (const g of chosen) member[g] = 1;
    return {
      groups: chosen,
      test: rowsWhere(spans.decided.length, (row) => member[groups.groupOf[row]!] === 1),
      train: purge(spans, (row) => member[groups.groupOf[row]!] === 0, merge(chosen, groups), groups.instants, embargo),
    };
  });
  const seen = new Int32Array(count);
  const paths = Array.from({ length: (choices.length * tested) / count }, () => new Array<number>(count).fill(-1));
  choices.forEach((chosen, fold) => {
    for (const g of chosen) paths[seen[g]!]![g] = fold;
    for (const g of chosen) seen[g] = seen[g]! + 1;
  });
  return { folds, paths, groupOf: groups.groupOf };
}

/** Neighbouring groups as one block. */
function merge(chosen: readonly number[], groups: Groups): { from: number; to: number }[] {
  const blocks: { from: number; to: number; last: number }[] = [];
  for (const g of chosen) {
    const block = blocks.at(-1);
    if (block !== undefined && block.last === g - 1) {
      block.last = g;
      block.to = Math.max(block.to, groups.to[g]!);
    } else blocks.push({ from: groups.from[g]!, to: groups.to[g]!, last: g });
  }
  return blocks;
}

function combinations(n: number, k: number): number[][] {
  const out: number[][] = [];
  const chosen = Array.from({ length: k }, (_, i) => i);
  for (;;) {
    out.push(chosen.slice());
    let i = k - 1;
    while (i >= 0 && chosen[i] === n - k + i) i--;
    if (i < 0) return out;
    chosen[i] = chosen[i]! + 1;
    for (let j = i + 1; j < k; j++) chosen[j] = chosen[j - 1]! + 1;
  }
}

export interface PathStatistics {
  readonly paths: number;
  readonly mean: number;
  /** Denominator n − 1; 0 for one path. */
  readonly deviation: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly below_zero: number;
}

/** Summary of one figure (a Sharpe ratio, say) over all paths. */
export function pathStatistics(values: Float64Array): PathStatistics {
  const ascending = values.slice().sort();
  const n = ascending.length;
  const mean = ascending.reduce((a, b) => a + b, 0) / n;
  const variance = n > 1 ? ascending.reduce((a, b) => a + (b - mean) * (b - mean), 0) / (n - 1) : 0;
  return {
    paths: n,
    mean,
    deviation: Math.sqrt(variance),
    min: ascending[0]!,
    median: (ascending[(n - 1) >> 1]! + ascending[n >> 1]!) / 2,
    max: ascending[n - 1]!,
    below_zero: ascending.filter((v) => v < 0).length / n,
  };
}

/**
 * Returns of one path: for each group the returns of its rows as predicted by the path's fold.
 * @param returnsOf fold → one value per row (NaN where the fold did not test the row)
 */
export function pathReturns(split: CombinatorialSplit, path: number, returnsOf: readonly Float64Array[]): Float64Array {
  const folds = split.paths[path]!;
  return Float64Array.from(split.groupOf, (group, row) => returnsOf[folds[group]!]![row]!);
}
