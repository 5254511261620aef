import { type Fold, groupByTime, type LabelSpans, purge, rowsWhere } from './spans.js';

/**
 * Purged k-fold cross-validation with embargo: k test blocks in time, each trained on all rows before and after it whose
 * labels do not reach into it. Gives metrics, never segments: it trains on what comes later.
 */
export function purgedKFold(spans: LabelSpans, folds: number, embargo = 0): Fold[] {
  const groups = groupByTime(spans, folds);
  return Array.from({ length: folds }, (_, g) => ({
    test: rowsWhere(spans.decided.length, (row) => groups.groupOf[row] === g),
    train: purge(
      spans,
      (row) => groups.groupOf[row] !== g,
      [{ from: groups.from[g]!, to: groups.to[g]! }],
      groups.instants,
      embargo,
    ),
  }));
}

/**
 * Walk-forward: after `first` groups, each following group is tested by what was trained on the groups before it, purged
 * by label end. `window` groups (rolling) or all of them (anchored).
 */
export function purgedWalkForward(
  spans: LabelSpans,
  options: { readonly groups: number; readonly first: number; readonly window?: number },
): Fold[] {
  const { groups: count, first, window = count } = options;
  const groups = groupByTime(spans, count);
  return Array.from({ length: count - first }, (_, k) => {
    const g = first + k;
    return {
      test: rowsWhere(spans.decided.length, (row) => groups.groupOf[row] === g),
      train: rowsWhere(spans.decided.length, (row) => {
        const own = groups.groupOf[row]!;
        return own < g && own >= g - window && spans.labelEnd[row]! < groups.from[g]!;
      }),
    };
  });
}
