/** One tree; node 0 is the root, children follow their parent. */
export interface Tree {
  /** Children, -1 in leaves. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly feature: Int32Array;
  /** Threshold of a split (left when value < threshold, in float32), weight of a leaf. */
  readonly value: Float32Array;
  /** 1 where missing values go left. */
  readonly defaultLeft: Uint8Array;
  /** Gain of a split (XGBoost's loss_chg), 0 in leaves. */
  readonly gain: Float32Array;
  /** Sum of hessians. */
  readonly cover: Float32Array;
  /** Weight a node would have as a leaf, before shrinkage. */
  readonly baseWeight: Float32Array;
  /** The class whose margin the tree adds to. */
  readonly group: number;
}

/** Collects the nodes of a tree that grows level by level. */
export class TreeBuilder {
  private readonly nodes: {
    left: number;
    right: number;
    feature: number;
    value: number;
    bin: number;
    defaultLeft: number;
    gain: number;
    cover: number;
    baseWeight: number;
  }[] = [];

  add(cover: number, baseWeight: number): number {
    const leaf = { left: -1, right: -1, feature: 0, value: baseWeight, bin: 0, defaultLeft: 0, gain: 0 };
    return this.nodes.push({ ...leaf, cover, baseWeight }) - 1;
  }

  split(
    id: number,
    s: { feature: number; threshold: number; bin: number; defaultLeft: number; gain: number; weight: number },
    children: readonly [number, number],
  ): void {
    const node = this.nodes[id]!;
    [node.left, node.right] = children;
    node.feature = s.feature;
    node.value = s.threshold;
    node.bin = s.bin;
    node.defaultLeft = s.defaultLeft;
    node.gain = s.gain;
    node.baseWeight = s.weight;
  }

  /** The root is added before its sums are known. */
  setRoot(cover: number, value: number): void {
    const root = this.nodes[0]!;
    root.cover = cover;
    root.value = value;
    root.baseWeight = value;
  }

  get size(): number {
    return this.nodes.length;
  }

  node(i: number): Readonly<{ left: number; feature: number; value: number; bin: number; defaultLeft: number }> {
    return this.nodes[i]!;
  }

  build(group: number): Tree {
    const of = <T>(make: (values: number[]) => T, field: keyof (typeof this.nodes)[0]): T =>
      make(this.nodes.map((node) => node[field]));
    const int = (v: number[]) => Int32Array.from(v);
    const float = (v: number[]) => Float32Array.from(v);
    return {
      left: of(int, 'left'),
      right: of(int, 'right'),
      feature: of(int, 'feature'),
      value: of(float, 'value'),
      defaultLeft: of((v) => Uint8Array.from(v), 'defaultLeft'),
      gain: of(float, 'gain'),
      cover: of(float, 'cover'),
      baseWeight: of(float, 'baseWeight'),
      group,
    };
  }
}

/** Longest path from the root to a leaf, in splits. */
export function treeDepth(tree: Tree): number {
  const depth = new Int32Array(tree.left.length);
  let deepest = 0;
  const stack = [0];
  while (stack.length > 0) {
    const i = stack.pop()!;
    if (depth[i]! > deepest) deepest = depth[i]!;
    if (tree.left[i]! < 0) continue;
    for (const child of [tree.left[i]!, tree.right[i]!]) {
      depth[child] = depth[i]! + 1;
      stack.push(child);
    }
  }
  return deepest;
}
