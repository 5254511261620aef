import type { Kernels } from './kernels.js';

/** What a worker can do; each task writes memory that no other task of its phase touches. */
export const Task = { sketch: 0, bins: 1, pairs: 2, gather: 3, grow: 4, partition: 5, addTree: 6 } as const;

/** Fields of one task: its kind, then arguments. */
export const TASK_FIELDS = 16;
export const TASK_CAPACITY = 8192;

/** Addresses every thread knows. */
export interface Shared {
  readonly control: number;
  readonly tasks: number;
  /** Scratch of `scratchBytes` per thread, and larger scratch while columns are sorted. */
  readonly scratch: number;
  readonly scratchBytes: number;
  readonly sketch: number;
  readonly sketchBytes: number;
  readonly rows: number;
  readonly classes: number;
  readonly groups: number;
  /** Per group: i32 width, i32 histogram entries, u32 bins, u32 offset inside a histogram slot. */
  readonly groupTable: number;
  /** Per feature i32 bins, i32 missing bin or -1. */
  readonly featureTable: number;
  readonly weights: number;
  readonly labels: number;
  readonly margins: number;
  readonly pairs: number;
  readonly blocks: number;
  readonly results: number;
  readonly settings: number;
  readonly allowed: number;
  readonly nodeTable: number;
  readonly objective: number;
}

export const RESULT_BYTES = 64;
export const GROUP = 8;
/** Bytes of one group's histogram; a thread's scratch starts with one, a buffer for row look-ups follows. */
export const SCRATCH_HISTOGRAM = 256 * 128;

/** Runs one task. `t` are its fields; `thread` selects scratch memory only and never changes a result. */
export function runTask(k: Kernels, s: Shared, memory: ArrayBufferLike, t: Int32Array, thread: number): void {
  const arg = (i: number): number => t[i + 1]!;
  const address = (i: number): number => t[i + 1]! >>> 0;
  switch (t[0]) {
    case Task.sketch: {
      const n = s.rows;
      const keys = s.sketch + thread * s.sketchBytes;
      const keysRows = keys + n * 4;
      const scratch = keysRows + n * 4;
      const scratchRows = scratch + n * 4;
      const counts = scratchRows + n * 4;
      const weighted = s.weights !== 0;
      const count = k.columnKeys(address(0), arg(1), n, keys, weighted ? keysRows : 0);
      const out = new Int32Array(memory, address(2), 2);
      out[0] = count;
      if (count < 0) return;
      k.sortKeys(keys, weighted ? keysRows : 0, count, scratch, scratchRows, counts);
      const maxBins = count < n || arg(5) === 1 ? Math.min(arg(4), 255) : arg(4);
      out[1] = k.chooseCuts(scratch, scratchRows, s.weights, count, maxBins, address(3));
      return;
    }
    case Task.bins:
      k.assignBins(address(0), arg(1), arg(2), arg(3), arg(4), arg(5), address(6), address(7), address(8));
      return;
    case Task.pairs: {
      const [from, to] = [arg(0), arg(1)];
      const settings = new Float32Array(memory, s.settings + 64, 4);
      if (s.objective === 0) k.logisticPairs(from, to, s.margins, s.labels, s.weights, settings[0]!, s.pairs);
      else if (s.objective === 1) k.squaredPairs(from, to, s.margins, s.labels, s.weights, s.pairs);
      else {
        const scratch = s.scratch + thread * s.scratchBytes;
        k.softmaxPairs(from, to, s.rows, s.classes, s.margins, s.labels, s.weights, s.pairs, scratch);
      }
      for (let c = 0; c < s.classes; c++)
        k.largestPair(s.pairs + c * s.rows * 8, from, to, address(2) + c * s.blocks * 8);
      return;
    }
    case Task.gather: {
      const scale = new Float32Array(memory, s.settings + 64, 4);
      k.gatherPairs(address(0), arg(1), arg(2), address(3), scale[1]!, scale[2]!, address(4));
      return;
    }
    case Task.grow: {
      // group, node, slot or 0, sibling node or -1, sibling's (parent's) slot, rows, grads, segments, nodes' mask step
      const group = arg(0);
      const g = new Uint32Array(memory, s.groupTable + group * 16, 4);
      const [width, entries, bins, offset] = [g[0]!, g[1]!, g[2]!, g[3]!];
      const scratch = s.scratch + thread * s.scratchBytes;
      const small = address(2) === 0 ? scratch : address(2) + offset;
      const buffer = scratch + SCRATCH_HISTOGRAM;
      const features = s.featureTable + group * GROUP * 8;
      const evaluate = (hist: number, node: number): void => {
        const mask = s.allowed + node * arg(8) + group * GROUP;
        const out = s.results + (node * s.groups + group) * RESULT_BYTES;
        k.evaluateGroup(hist, width, features, mask, s.settings, group * GROUP, out);
      };
      const segments = address(7) + arg(1) * s.blocks * 8;
      k.buildHistogram(width, small, entries, bins, address(5), address(6), segments, s.blocks, buffer);
      evaluate(small, arg(1));
      if (arg(3) < 0) return;
      const parent = address(4) + offset;
      k.subtractHistogram(parent, small, entries);
      evaluate(parent, arg(3));
      return;
    }
    case Task.partition:
      k.partitionBlock(
        arg(0),
        s.blocks,
        arg(1),
        s.nodeTable,
        address(2),
        address(3),
        address(4),
        address(5),
        address(6),
        address(7),
        address(8),
        arg(9),
        s.scratch + thread * s.scratchBytes + SCRATCH_HISTOGRAM,
      );
      return;
    case Task.addTree:
      k.addTreeByBins(address(0), arg(1), arg(2), address(3));
      return;
  }
}
