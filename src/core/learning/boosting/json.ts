import type { Tree } from './forest.js';
import { JsonReader } from './json-reader.js';
import { BoostedModel } from './model.js';
import { type Objective, scoredAs } from './params.js';

/** The XGBoost version whose schema is written. */
const SCHEMA_VERSION = [3, 4, 1] as const;
/** Parent of a root. */
const NO_PARENT = 2147483647;

/** Shortest text that gives the same float32 back, in XGBoost's spelling: 5E-1, 3.25E-1. */
function floatText(value: number): string {
  const f = Math.fround(value);
  if (Object.is(f, -0)) return '-0E0';
  for (let digits = 1; digits <= 9; digits++) {
    const text = f.toExponential(digits - 1);
    if (Math.fround(Number(text)) === f) return text.replace(/e\+?/, 'E');
  }
  return String(f);
}

/** XGBoost tells floats from integers by their spelling. */
const floatList = (values: Float32Array): string => `[${Array.from(values, floatText).join(',')}]`;

function treeJson(tree: Tree, id: number, features: number): string {
  const n = tree.left.length;
  const parents = new Array<number>(n).fill(NO_PARENT);
  for (let i = 0; i < n; i++) {
    if (tree.left[i]! < 0) continue;
    parents[tree.left[i]!] = i;
    parents[tree.right[i]!] = i;
  }
  const inSplits = (values: ArrayLike<number>): string =>
    JSON.stringify(Array.from(values, (value, i) => (tree.left[i]! < 0 ? 0 : value)));
  const fields: Record<string, string> = {
    base_weights: floatList(tree.baseWeight),
    categories: '[]',
    categories_nodes: '[]',
    categories_segments: '[]',
    categories_sizes: '[]',
    default_left: inSplits(tree.defaultLeft),
    id: String(id),
    left_children: JSON.stringify(Array.from(tree.left)),
    loss_changes: floatList(tree.gain),
    parents: JSON.stringify(parents),
    right_children: JSON.stringify(Array.from(tree.right)),
    split_conditions: floatList(tree.value),
    split_indices: inSplits(tree.feature),
    split_type: JSON.stringify(new Array<number>(n).fill(0)),
    sum_hessian: floatList(tree.cover),
    tree_param: JSON.stringify({
      num_deleted: '0',
      num_feature: String(features),
      num_nodes: String(n),
      size_leaf_vector: '1',
    }),
  };
  return `{${Object.entries(fields)
    .map(([name, value]) => `${JSON.stringify(name)}:${value}`)
    .join(',')}}`;
}

/** The model as XGBoost JSON (schema of 3.x), which `Booster.load_model` reads. Equal models give equal text. */
export function toXgboostJson(model: BoostedModel): string {
  const { trees, classes, parallelTrees } = model;
  const multi = model.objective === 'multi:softprob';
  const own = multi
    ? { name: model.objective, softmax_multiclass_param: { num_class: String(classes) } }
    : { name: model.objective, reg_loss_param: { scale_pos_weight: floatSetting(model.scalePosWeight) } };
  const text = JSON.stringify({
    learner: {
      attributes: model.attributes,
      feature_names: model.featureNames,
      feature_types: model.featureTypes,
      gradient_booster: {
        model: {
          cats: { enc: [], feature_segments: [], sorted_idx: [] },
          gbtree_model_param: { num_parallel_tree: String(parallelTrees), num_trees: String(trees.length) },
          iteration_indptr: Array.from({ length: model.rounds + 1 }, (_, i) => i * classes * parallelTrees),
          tree_info: trees.map((tree) => tree.group),
          trees: [],
        },
        name: 'gbtree',
      },
      learner_model_param: {
        base_score: baseScoreText(model.baseScores),
        boost_from_average: '1',
        num_class: multi ? String(classes) : '0',
        num_feature: String(model.features),
        num_target: '1',
      },
      objective: model.nativeObjective ?? own,
    },
    version: SCHEMA_VERSION,
  });
  // The trees are spelt by hand; their place is after every text that a user chose, so look from the end.
  const at = text.lastIndexOf('"trees":[]') + '"trees":['.length;
  return text.slice(0, at) + trees.map((tree, i) => treeJson(tree, i, model.features)).join(',') + text.slice(at);
}

/** One number where one will do: versions before 3.1 read no list. */
function baseScoreText(scores: readonly number[]): string {
  const texts = scores.map(floatText);
  return texts.every((text) => text === texts[0]) ? texts[0]! : `[${texts.join(',')}]`;
}

const floatSetting = (value: number): string => (Number.isInteger(value) ? String(value) : floatText(value));

/**
 * Reads XGBoost JSON, written by this project or by XGBoost 1.3 and later. Throws INPUT with the path of the field that
 * is missing, damaged or not supported (other objectives, linear boosters, categorical splits, vector leaves). A forest with
 * dropout (dart) is read with the weight of each tree in its leaves.
 */
export function fromXgboostJson(text: string): BoostedModel {
  const root = JsonReader.parse(text);
  const learner = root.object('learner');
  const booster = learner.object('gradient_booster');
  const name = booster.text('name');
  if (name !== 'gbtree' && name !== 'dart')
    booster.refuse('name', `the booster ${name} is not supported, only gbtree and dart`);
  const parameters = learner.object('learner_model_param');
  const objectiveName = learner.object('objective').text('name');
  const objective = objectiveOf(learner, objectiveName);
  const features = parameters.count('num_feature');
  const classes = Math.max(1, parameters.count('num_class'));
  if (parameters.has('num_target') && parameters.count('num_target') > 1)
    parameters.refuse('num_target', 'several targets are not supported');
  if ((objective === 'multi:softprob') !== classes > 1)
    parameters.refuse('num_class', `${classes} does not fit the objective ${objectiveName}`);
  const model = (name === 'dart' ? booster.object('gbtree') : booster).object('model');
  const parallelTrees = model.object('gbtree_model_param').count('num_parallel_tree', 1) || 1;
  const info = model.integers('tree_info');
  const readers = model.list('trees');
  if (info.length !== readers.length)
    model.refuse('tree_info', `has ${info.length} entries for ${readers.length} trees`);
  if (readers.length % (classes * parallelTrees) !== 0)
    model.refuse('trees', `${readers.length} trees do not fit ${classes} classes and ${parallelTrees} trees a round`);
  if (readers.length === 0) model.refuse('trees', 'is empty: the model was never trained');
  const drop = name === 'dart' ? booster.numbers('weight_drop') : undefined;
  if (drop !== undefined && drop.length !== readers.length)
    booster.refuse('weight_drop', `has ${drop.length} entries for ${readers.length} trees`);
  const trees = readers.map((reader, i) => {
    const group = info[i]!;
    if (group < 0 || group >= classes) model.refuse(`tree_info[${i}]`, `is class ${group} of ${classes}`);
    const tree = readTree(reader, features, group);
    return drop === undefined ? tree : weighted(tree, drop[i]!);
  });
  return new BoostedModel({
    objective,
    classes,
    features,
    baseScores: readBaseScores(parameters, objective, classes),
    trees,
    attributes: learner.has('attributes') ? learner.object('attributes').texts() : {},
    featureNames: learner.has('feature_names') ? learner.strings('feature_names') : [],
    featureTypes: learner.has('feature_types') ? learner.strings('feature_types') : [],
    scalePosWeight: positiveWeight(learner.object('objective')),
    nativeObjective: objectiveName === objective ? undefined : learner.object('objective').plain(),
    parallelTrees,
  });
}

function objectiveOf(learner: JsonReader, name: string): Objective {
  return scoredAs(name) ?? learner.object('objective').refuse('name', `the objective ${name} is not supported`);
}

/** The tree with its leaves multiplied, in float32 as XGBoost does when it scores. */
function weighted(tree: Tree, weight: number): Tree {
  const w = Math.fround(weight);
  return { ...tree, value: tree.value.map((value, i) => (tree.left[i]! < 0 ? value * w : value)) };
}

function positiveWeight(objective: JsonReader): number {
  if (!objective.has('reg_loss_param')) return 1;
  const value = Number(objective.object('reg_loss_param').optionalText('scale_pos_weight') ?? '1');
  return Number.isFinite(value) && value > 0 ? value : 1;
}

function readBaseScores(parameters: JsonReader, objective: Objective, classes: number): number[] {
  const text = parameters.text('base_score');
  const parts = text.replace(/^\[|\]$/g, '').split(',');
  const scores = parts.map((part) => Math.fround(Number(part)));
  const bad = (x: number): boolean => !Number.isFinite(x) || (objective === 'binary:logistic' && (x <= 0 || x >= 1));
  if (parts.some((part) => part.trim() === '') || scores.some(bad))
    parameters.refuse('base_score', `is ${JSON.stringify(text)}`);
  if (scores.length === 1) return new Array<number>(classes).fill(scores[0]!);
  if (scores.length !== classes) parameters.refuse('base_score', `has ${scores.length} values for ${classes} outputs`);
  return scores;
}

function readTree(reader: JsonReader, features: number, group: number): Tree {
  const left = Int32Array.from(reader.integers('left_children'));
  const n = left.length;
  if (n === 0) reader.refuse('left_children', 'is empty');
  const sized = <T extends ArrayLike<unknown>>(field: string, values: T): T => {
    if (values.length !== n) reader.refuse(field, `has ${values.length} entries for ${n} nodes`);
    return values;
  };
  if (reader.has('tree_param') && reader.object('tree_param').count('size_leaf_vector', 1) > 1)
    reader.refuse('tree_param.size_leaf_vector', 'vector leaves are not supported');
  if (reader.has('split_type') && reader.integers('split_type').some((type) => type !== 0))
    reader.refuse('split_type', 'categorical splits are not supported');
  if (reader.has('categories_nodes') && reader.integers('categories_nodes').length > 0)
    reader.refuse('categories_nodes', 'categorical splits are not supported');
  const right = Int32Array.from(sized('right_children', reader.integers('right_children')));
  const feature = Int32Array.from(sized('split_indices', reader.integers('split_indices')));
  const value = Float32Array.from(sized('split_conditions', reader.numbers('split_conditions')));
  const defaultLeft = Uint8Array.from(sized('default_left', reader.integers('default_left')), (x) => (x === 0 ? 0 : 1));
  const used = checkShape(reader, left, right, feature, value, features);
  const statistic = (field: string): Float32Array =>
    reader.has(field) ? Float32Array.from(sized(field, reader.numbers(field))) : new Float32Array(n);
  const tree = {
    ...{ left, right, feature, value, defaultLeft, group },
    gain: statistic('loss_changes'),
    cover: statistic('sum_hessian'),
    baseWeight: statistic('base_weights'),
  };
  return used.every((is) => is === 1) ? tree : withoutPruned(tree, used);
}

/**
 * The tree without the nodes that XGBoost's pruning deleted (it keeps them, marked): written again unmarked they have no
 * parent, and XGBoost looks for one until the process ends.
 */
function withoutPruned(tree: Tree, used: Uint8Array): Tree {
  const place = new Int32Array(used.length).fill(-1);
  let count = 0;
  for (let i = 0; i < used.length; i++) if (used[i] === 1) place[i] = count++;
  const keep = <T extends Int32Array | Float32Array | Uint8Array>(values: T): T =>
    values.filter((_, i) => used[i] === 1) as T;
  const child = (values: Int32Array): Int32Array => keep(values).map((i) => (i < 0 ? -1 : place[i]!));
  return {
    group: tree.group,
    left: child(tree.left),
    right: child(tree.right),
    feature: keep(tree.feature),
    value: keep(tree.value),
    defaultLeft: keep(tree.defaultLeft),
    gain: keep(tree.gain),
    cover: keep(tree.cover),
    baseWeight: keep(tree.baseWeight),
  };
}

/** Which nodes are in use: each is reached from the root exactly once, or was left behind by pruning. */
function checkShape(
  reader: JsonReader,
  left: Int32Array,
  right: Int32Array,
  feature: Int32Array,
  value: Float32Array,
  features: number,
): Uint8Array {
  const n = left.length;
  const seen = new Uint8Array(n);
  seen[0] = 1;
  const stack = [0];
  while (stack.length > 0) {
    const i = stack.pop()!;
    if (!Number.isFinite(value[i]!)) reader.refuse(`split_conditions[${i}]`, `is ${value[i]}`);
    if (left[i]! < 0) {
      if (right[i]! >= 0) reader.refuse(`right_children[${i}]`, 'names a child of a leaf');
      continue;
    }
    if (feature[i]! < 0 || feature[i]! >= features)
      reader.refuse(`split_indices[${i}]`, `is feature ${feature[i]} of ${features}`);
    for (const [field, child] of [
      ['left_children', left[i]!],
      ['right_children', right[i]!],
    ] as const) {
      if (child < 0 || child >= n || seen[child] === 1) reader.refuse(`${field}[${i}]`, `is ${child}, not a tree`);
      seen[child] = 1;
      stack.push(child);
    }
  }
  return seen;
}
