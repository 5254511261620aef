import { reference } from '../../shell/arguments.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { decimalsOf } from '../../shell/columns.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';

export default class ModelsImportance extends QuantlineCommand<'models:importance'> {
  static override summary = 'Show what each feature is worth to a model: gain, cover, weight and permutation.';
  static override examples = [
    '<%= config.bin %> models importance latest',
    '<%= config.bin %> models importance champion --data newer --format csv',
  ];
  static override args = reference('model');
  static override flags = flagsOf('models:importance');
  protected readonly command = 'models:importance';

  protected async execute({ args, options, runtime }: Context<'models:importance'>): Promise<Outcome> {
    const { modelImportance } = await import('../../core/stages/explain.js');
    const document = await modelImportance(args['reference']!, options, await runtime());
    const { features, measure, valid_from } = document;
    if (options.format === 'json') return { text: JSON.stringify(document, undefined, 2), json: document };
    const measures = Object.keys(features[0]?.training ?? {});
    const columns = ['feature', 'permutation', 'permutation_deviation', ...measures];
    const rows = features.map((one) => [
      ...[one.feature, one.permutation, one.permutation_deviation],
      ...measures.map((measure) => one.training[measure]),
    ]);
    const decimals = Object.fromEntries(columns.map((name, c) => [name, decimalsOf(rows.map((row) => row[c]))]));
    const none = features.every(({ permutation }) => permutation === null);
    return {
      text: await render({ columns, rows, decimals }, options.format),
      json: document,
      summary: none
        ? `Nothing was shuffled: there are too few labelled bars from ${valid_from} on.`
        : `Permutation: how much worse ${measure} gets when the feature is shuffled on bars from ${valid_from} on.`,
    };
  }
}
