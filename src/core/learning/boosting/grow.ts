import { childSeed } from '../../domain/random.js';
import { type Tree, TreeBuilder } from './forest.js';
import { thresholdOf } from './quantize.js';
import { ColumnSampler } from './sampling.js';
import { GROUP, RESULT_BYTES, Task } from './tasks.js';
import type { OrderBuffers, Workspace } from './workspace.js';

/** XGBoost's kRtEps: a smaller gain is no gain. */
const LEAST_GAIN = 1e-6;

interface LevelNode {
  readonly id: number;
  readonly slot: number;
}

interface BestSplit {
  gain: number;
  leftG: number;
  leftH: number;
  nodeG: number;
  nodeH: number;
  feature: number;
  bin: number;
  defaultLeft: number;
}

/** Grows one tree on the pairs of class `group` and adds its leaf values to the training margins. */
export function growTree(w: Workspace, group: number, round: number): { builder: TreeBuilder; build(): Tree } {
  const builder = new Grower(w, group, childSeed(w.params.seed, 'tree', round, group)).grow();
  return { builder, build: () => builder.build(group) };
}

class Grower {
  private readonly tree = new TreeBuilder();
  private readonly sampler: ColumnSampler;
  private readonly free: number[];
  private readonly margins: number;
  private readonly sampled: boolean;

  constructor(
    private readonly w: Workspace,
    private readonly group: number,
    private readonly seed: number,
  ) {
    const p = w.params;
    const shares = { tree: p.colsample_bytree, level: p.colsample_bylevel, node: p.colsample_bynode };
    this.sampler = new ColumnSampler(w.cols, shares, childSeed(seed, 'columns'));
    this.free = [...w.slots].reverse();
    this.margins = w.train.margins + group * w.train.rows * 4;
    this.sampled = p.subsample < 1;
  }

  grow(): TreeBuilder {
    const { w } = this;
    this.prepare();
    let level: LevelNode[] = [{ id: this.tree.add(0, 0), slot: this.free.pop()! }];
    this.allow(level, 0);
    this.queueBuild(w.order[0], 0, level[0]!.slot, -1, 0);
    for (let depth = 0; level.length > 0; depth++) {
      w.pool.flush();
      const [from, to] = depth % 2 === 0 ? w.order : [w.order[1], w.order[0]];
      const children = this.decide(level, depth);
      this.partition(level.length, from, to);
      level = this.queueChildren(children, to, depth + 1);
    }
    if (this.sampled) addTree(w, this.tree, w.train, this.margins);
    return this.tree;
  }

  /** Draws the rows, scales their pairs to 31 bits by a power of two, and orders them in the first buffers. */
  private prepare(): void {
    const { w, group } = this;
    const { blocks, rows } = w.shared;
    let topG = 0;
    let topH = 0;
    for (let b = 0; b < blocks; b++) {
      const at = (w.pairMaxima + group * blocks * 8) / 4 + 2 * b;
      topG = Math.max(topG, w.f32[at]!);
      topH = Math.max(topH, w.f32[at + 1]!);
    }
    const scaleG = scaleOf(topG);
    const scaleH = scaleOf(topH);
    const s = w.shared.settings;
    w.f32[s / 4 + 17] = scaleG;
    w.f32[s / 4 + 18] = scaleH;
    w.f64[s / 8 + 4] = 1 / scaleG;
    w.f64[s / 8 + 5] = 1 / scaleH;
    const order = w.order[0];
    const seed = childSeed(this.seed, 'rows');
    const threshold = w.params.subsample * 4294967296;
    for (let b = 0; b < blocks; b++) {
      const from = b * w.block;
      const to = Math.min(from + w.block, rows);
      const end = w.kernels.sampleRows(order.rows, from, to, seed, threshold);
      w.i32[order.segments / 4 + 2 * b] = from;
      w.i32[order.segments / 4 + 2 * b + 1] = end;
      w.pool.add(Task.gather, order.rows, from, end, w.shared.pairs + group * rows * 8, order.grads);
    }
    w.pool.flush();
  }

  /** Reads the best splits of a level and fills the node table; returns the pairs of children that grow further. */
  private decide(level: readonly LevelNode[], depth: number): { left: number; right: number; slot: number }[] {
    const { w } = this;
    const p = w.params;
    const children: { left: number; right: number; slot: number }[] = [];
    const final = depth + 1 >= p.max_depth;
    level.forEach((node, i) => {
      const best = this.best(i);
      const weight = Math.fround(this.weight(best.nodeG, best.nodeH));
      const at = (w.shared.nodeTable + i * 48) / 4;
      if (depth === 0) this.tree.setRoot(best.nodeH, weight * Math.fround(p.eta));
      if (best.feature < 0 || best.gain <= LEAST_GAIN || best.gain < p.gamma) {
        w.i32[at] = 0;
        w.f32[at + 5] = this.tree.node(node.id).value;
        if (node.slot !== 0) this.free.push(node.slot);
        return;
      }
      const rightG = best.nodeG - best.leftG;
      const rightH = best.nodeH - best.leftH;
      const eta = Math.fround(p.eta);
      const left = this.tree.add(best.leftH, Math.fround(this.weight(best.leftG, best.leftH)) * eta);
      const right = this.tree.add(rightH, Math.fround(this.weight(rightG, rightH)) * eta);
      const threshold = thresholdOf(w, best.feature, best.bin);
      this.tree.split(node.id, { ...best, threshold, weight }, [left, right]);
      const missing = w.i32[w.shared.featureTable / 4 + 2 * best.feature + 1]!;
      w.i32[at] = final ? 2 : 1;
      w.i32[at + 1] = children.length * 2;
      w.i32[at + 2] = children.length * 2 + 1;
      w.i32[at + 3] = best.bin;
      w.i32[at + 4] = best.defaultLeft === 1 ? missing : -1;
      w.f32[at + 5] = this.tree.node(left).value;
      w.f32[at + 6] = this.tree.node(right).value;
      w.u32[at + 7] = columnAddress(best.feature, w.train.bins, w.train.rows);
      if (!final) children.push({ left, right, slot: node.slot });
      else if (node.slot !== 0) this.free.push(node.slot);
    });
    return children;
  }

  private partition(nodes: number, from: OrderBuffers, to: OrderBuffers): void {
    const { pool, shared } = this.w;
    for (let b = 0; b < shared.blocks; b++)
      pool.add(
        Task.partition,
        b,
        nodes,
        from.segments,
        to.segments,
        from.rows,
        from.grads,
        to.rows,
        to.grads,
        this.margins,
        this.sampled ? 0 : 1,
      );
    pool.flush();
  }

  /** The smaller child is counted, the larger one is the parent less the smaller, where the parent was kept. */
  private queueChildren(
    children: readonly { left: number; right: number; slot: number }[],
    order: OrderBuffers,
    depth: number,
  ): LevelNode[] {
    const level: LevelNode[] = [];
    for (const { left, right, slot } of children) {
      const i = level.length;
      if (slot === 0) {
        for (const id of [left, right]) level.push({ id, slot: this.free.pop() ?? 0 });
        continue;
      }
      const leftIsSmall = this.rowsOf(order, i) <= this.rowsOf(order, i + 1);
      const fresh = this.free.pop() ?? 0;
      level.push({ id: left, slot: leftIsSmall ? fresh : slot }, { id: right, slot: leftIsSmall ? slot : fresh });
    }
    this.allow(level, depth);
    let i = 0;
    for (const { slot } of children) {
      const [a, b] = [level[i]!, level[i + 1]!];
      if (slot === 0) {
        this.queueBuild(order, i, a.slot, -1, 0);
        this.queueBuild(order, i + 1, b.slot, -1, 0);
      } else if (b.slot === slot) this.queueBuild(order, i, a.slot, i + 1, slot);
      else this.queueBuild(order, i + 1, b.slot, i, slot);
      i += 2;
    }
    return level;
  }

  private queueBuild(order: OrderBuffers, node: number, slot: number, sibling: number, parent: number): void {
    const { pool, shared, maskStep } = this.w;
    const { rows, grads, segments } = order;
    for (let g = 0; g < shared.groups; g++)
      pool.add(Task.grow, g, node, slot, sibling, parent, rows, grads, segments, maskStep);
  }

  private rowsOf(order: OrderBuffers, node: number): number {
    const { blocks } = this.w.shared;
    const at = order.segments / 4 + node * blocks * 2;
    let sum = 0;
    for (let b = 0; b < blocks; b++) sum += this.w.i32[at + 2 * b + 1]! - this.w.i32[at + 2 * b]!;
    return sum;
  }

  /** Marks the columns each node may split on; one mask for all unless columns are drawn per node. */
  private allow(level: readonly LevelNode[], depth: number): void {
    const { w } = this;
    const width = w.shared.groups * GROUP;
    const masks = Math.min(w.maskStep === 0 ? 1 : level.length, level.length);
    for (let i = 0; i < masks; i++) {
      const at = w.shared.allowed + i * w.maskStep;
      w.u8.fill(0, at, at + width);
      for (const j of this.sampler.columns(depth, level[i]!.id)) w.u8[at + j] = 1;
    }
  }

  private best(node: number): BestSplit {
    const { w } = this;
    const best: BestSplit = { gain: -1, leftG: 0, leftH: 0, nodeG: 0, nodeH: 0, feature: -1, bin: 0, defaultLeft: 0 };
    for (let g = 0; g < w.shared.groups; g++) {
      const at = w.shared.results + (node * w.shared.groups + g) * RESULT_BYTES;
      const f = at / 8;
      best.nodeG = w.f64[f + 3]!;
      best.nodeH = w.f64[f + 4]!;
      const feature = w.i32[at / 4 + 10]!;
      if (feature < 0 || !(w.f64[f]! > best.gain)) continue;
      best.gain = w.f64[f]!;
      best.leftG = w.f64[f + 1]!;
      best.leftH = w.f64[f + 2]!;
      best.feature = feature;
      best.bin = w.i32[at / 4 + 11]!;
      best.defaultLeft = w.i32[at / 4 + 12]!;
    }
    return best;
  }

  /** Optimal weight of a leaf: -T(G) / (H + lambda), clipped to max_delta_step. */
  private weight(g: number, h: number): number {
    const p = this.w.params;
    if (h < p.min_child_weight || h <= 0) return 0;
    const t = g > p.alpha ? g - p.alpha : g < -p.alpha ? g + p.alpha : 0;
    const weight = t === 0 ? 0 : -t / (h + p.lambda);
    const step = p.max_delta_step;
    return step > 0 ? Math.min(Math.max(weight, -step), step) : weight;
  }
}

const exponentView = new DataView(new ArrayBuffer(4));

/** A power of two that brings float32 `top` into [2^29, 2^30): scaled pairs fit int32 and keep the bits of a float32. */
function scaleOf(top: number): number {
  if (!(top > 0)) return 1;
  exponentView.setFloat32(0, top);
  const exponent = (exponentView.getUint32(0) >>> 23) - 127;
  const scale = Math.max(-120, Math.min(120, 29 - exponent));
  exponentView.setUint32(0, (scale + 127) << 23);
  return exponentView.getFloat32(0);
}

const columnAddress = (feature: number, bins: number, rows: number): number =>
  bins + Math.floor(feature / GROUP) * rows * GROUP + (feature % GROUP);

/** Adds a tree to the margins of a binned set, row by row. */
export function addTree(
  w: Workspace,
  tree: Pick<TreeBuilder, 'size' | 'node'>,
  set: { readonly rows: number; readonly bins: number },
  margins: number,
): void {
  for (let i = 0; i < tree.size; i++) {
    const node = tree.node(i);
    const at = (w.flatTree + i * 32) / 4;
    w.i32[at] = node.left;
    w.i32[at + 1] = node.bin;
    w.i32[at + 2] = node.defaultLeft === 1 ? w.i32[w.shared.featureTable / 4 + 2 * node.feature + 1]! : -1;
    w.f32[at + 3] = node.value;
    w.u32[at + 4] = columnAddress(node.feature, set.bins, set.rows);
  }
  for (let from = 0; from < set.rows; from += w.block)
    w.pool.add(Task.addTree, w.flatTree, from, Math.min(from + w.block, set.rows), margins);
  w.pool.flush();
}
