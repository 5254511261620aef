import { childSeed, seededRandom } from '../../domain/random.js';

/** A sorted draw of max(1, floor(share * n)) of the given columns, without replacement. */
export function sampleColumns(columns: readonly number[], share: number, seed: number): readonly number[] {
  if (share >= 1) return columns;
  const wanted = Math.max(1, Math.floor(share * columns.length));
  const random = seededRandom(seed);
  const pool = [...columns];
  for (let i = 0; i < wanted; i++) {
    const j = i + Math.floor(random.next() * (pool.length - i));
    const chosen = pool[j]!;
    pool[j] = pool[i]!;
    pool[i] = chosen;
  }
  return pool.slice(0, wanted).sort((a, b) => a - b);
}

/** Column draws of one tree: per tree, then per level, then per node, each from the draw before. */
export class ColumnSampler {
  private readonly tree: readonly number[];
  private level: readonly number[] = [];
  private depth = -1;

  constructor(
    cols: number,
    private readonly shares: { readonly tree: number; readonly level: number; readonly node: number },
    private readonly seed: number,
  ) {
    const all = Array.from({ length: cols }, (_, j) => j);
    this.tree = sampleColumns(all, shares.tree, childSeed(seed, 'tree'));
  }

  columns(depth: number, node: number): readonly number[] {
    if (depth !== this.depth) {
      this.depth = depth;
      this.level = sampleColumns(this.tree, this.shares.level, childSeed(this.seed, 'level', depth));
    }
    return sampleColumns(this.level, this.shares.node, childSeed(this.seed, 'node', node));
  }
}
