import { describe, expect, it } from 'vitest';
import { QuantlineError } from '../../../../src/core/errors/index.js';
import { fromXgboostJson } from '../../../../src/core/learning/boosting/index.js';
import { recorded } from './support.js';

interface Loose {
  [field: string]: Loose;
}

const text = JSON.stringify(recorded('logistic').model);
const damaged = (change: (model: Loose) => void): string => {
  const model = JSON.parse(text) as Loose;
  change(model);
  return JSON.stringify(model);
};
const refusal = (input: string): QuantlineError => {
  try {
    fromXgboostJson(input);
  } catch (error) {
    expect(error).toBeInstanceOf(QuantlineError);
    return error as QuantlineError;
  }
  throw new Error('was read');
};
const learner = (m: Loose): Loose => m['learner']!;
const model = (m: Loose): Loose => learner(m)['gradient_booster']!['model']!;
const tree = (m: Loose, i: number): Loose => model(m)['trees']![i]!;
const set = (o: Loose, field: string | number, value: unknown): void => {
  (o as Record<string | number, unknown>)[field] = value;
};

describe('reading XGBoost JSON', () => {
  it.each<[string, string, (m: Loose) => void]>([
    ['learner', 'missing', (m) => delete (m as Partial<Loose>)['learner']],
    ['learner.gradient_booster.gbtree', 'missing', (m) => set(learner(m)['gradient_booster']!, 'name', 'dart')],
    [
      'learner.gradient_booster.model.trees',
      'trees a round',
      (m) => set(model(m)['gbtree_model_param']!, 'num_parallel_tree', '5'),
    ],
    [
      'learner.gradient_booster.model.trees',
      'never trained',
      (m) => {
        set(model(m), 'trees', []);
        set(model(m), 'tree_info', []);
      },
    ],
    ['learner.gradient_booster.name', 'gblinear', (m) => set(learner(m)['gradient_booster']!, 'name', 'gblinear')],
    ['learner.objective.name', 'rank:ndcg', (m) => set(learner(m)['objective']!, 'name', 'rank:ndcg')],
    [
      'learner.learner_model_param.base_score',
      '"x"',
      (m) => set(learner(m)['learner_model_param']!, 'base_score', 'x'),
    ],
    ['learner.learner_model_param.base_score', '""', (m) => set(learner(m)['learner_model_param']!, 'base_score', '')],
    ['learner.learner_model_param.base_score', '2', (m) => set(learner(m)['learner_model_param']!, 'base_score', '2')],
    [
      'learner.learner_model_param.num_feature',
      '-1',
      (m) => set(learner(m)['learner_model_param']!, 'num_feature', '-1'),
    ],
    ['learner.gradient_booster.model.tree_info', '7 entries', (m) => set(model(m), 'tree_info', [0, 0, 0, 0, 0, 0, 0])],
    ['learner.gradient_booster.model.tree_info[2]', 'class 4', (m) => set(model(m)['tree_info']!, 2, 4)],
    ['learner.gradient_booster.model.trees[1].split_type', 'categorical', (m) => set(tree(m, 1)['split_type']!, 0, 1)],
    [
      'learner.gradient_booster.model.trees[0].left_children[0]',
      'is 99',
      (m) => set(tree(m, 0)['left_children']!, 0, 99),
    ],
    [
      'learner.gradient_booster.model.trees[0].left_children[1]',
      'is 0',
      (m) => set(tree(m, 0)['left_children']!, 1, 0),
    ],
    [
      'learner.gradient_booster.model.trees[0].split_indices[0]',
      'feature 5',
      (m) => set(tree(m, 0)['split_indices']!, 0, 5),
    ],
    [
      'learner.gradient_booster.model.trees[0].split_conditions[0]',
      'null',
      (m) => set(tree(m, 0)['split_conditions']!, 0, null),
    ],
    ['learner.gradient_booster.model.trees[0].default_left', '1 entries', (m) => set(tree(m, 0), 'default_left', [0])],
    [
      'learner.gradient_booster.model.trees[0].tree_param.size_leaf_vector',
      'vector',
      (m) => set(tree(m, 0)['tree_param']!, 'size_leaf_vector', '3'),
    ],
  ])('refuses %s (%s)', (path, problem, change) => {
    const error = refusal(damaged(change));
    expect(error.code).toBe('INPUT');
    expect(error.details['path'] ?? path).toBe(path);
    expect(error.message).toContain(path);
    expect(error.message).toContain(problem);
  });

  it('refuses a file that was cut off, and what is no object', () => {
    expect(refusal(text.slice(0, 500)).message).toContain('not JSON');
    expect(refusal('[]').message).toContain('no JSON object');
  });

  it('reads the scalar base_score and the boolean flags of older versions', () => {
    const older = damaged((m) => {
      set(learner(m)['learner_model_param']!, 'base_score', '5E-1');
      for (const t of model(m)['trees'] as unknown as Loose[])
        set(t, 'default_left', (t['default_left'] as unknown as number[]).map(Boolean));
      delete (learner(m) as Partial<Loose>)['feature_names'];
    });
    expect(fromXgboostJson(older).baseScores).toEqual([0.5]);
    expect(fromXgboostJson(older).trees[0]!.defaultLeft).toEqual(fromXgboostJson(text).trees[0]!.defaultLeft);
  });
});
