import { z } from 'zod';
import { QuantlineError } from '../../errors/index.js';
import type { LinearModel } from '../../learning/linear/index.js';
import { requireColumns } from '../columns.js';
import type { FittedModel, Learner } from '../trainer.js';

export const name = 'logistic';
export const summary =
  'Logistic (or, for returns, linear) regression with the elastic net: what every other learner has to beat.';

export const settings = z.object({
  /** Strength of the penalty on the mean loss, of standardised columns. */
  lambda: z.number().min(0).default(0.001),
  /** Share of L1 in the penalty: 0 ridge, 1 lasso. */
  l1_ratio: z.number().min(0).max(1).default(0.5),
});

const FILE = 'model.json';
const ENGINE = { name: 'embedded', version: '1' } as const;

export function create({ lambda, l1_ratio }: z.output<typeof settings>): Learner {
  return {
    kind: 'learner',
    async engineFor(choice) {
      if (choice !== 'native') return ENGINE;
      throw new QuantlineError('CONFIG', 'logistic has no native engine.', { hint: 'Leave --engine out.' });
    },
    async fit(rows, context) {
      const { trainLinear } = await import('../../learning/linear/index.js');
      const { model, objective } = await trainLinear({
        x: { data: rows.x, rows: rows.rows, cols: rows.columns.length },
        y: rows.y,
        weights: rows.weights,
        family: context.scoreKind === 'return' ? 'gaussian' : 'binomial',
        lambda,
        l1Ratio: l1_ratio,
        missing: 'mean',
        featureNames: rows.columns,
        signal: context.signal,
      });
      context.onRound(1, 1, { objective });
      return fitted(model, [{ objective }]);
    },
    async load(files, columns) {
      const { LinearModel } = await import('../../learning/linear/index.js');
      const model = LinearModel.fromJson(new TextDecoder().decode(files[FILE]));
      requireColumns('The model takes', { count: model.features, names: model.parts.featureNames }, columns);
      return fitted(model, []);
    },
  };
}

function fitted(model: LinearModel, history: FittedModel['history']): FittedModel {
  return {
    predict: (x, rows, out) => {
      model.predict({ data: x, rows, cols: model.features }, out);
    },
    lookback: 0,
    save: async () => ({ [FILE]: model.toJson() }),
    history,
    engine: ENGINE,
    importance: () => ({ coefficient: Float64Array.from(model.parts.coefficients) }),
    contributions: (x, rows) => model.contributions({ data: x, rows, cols: model.features }),
  };
}
