import { reference } from '../../shell/arguments.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';

const COLUMNS = ['time', 'instrument', 'score', 'feature', 'value', 'contribution'] as const;

export default class ModelsExplain extends QuantlineCommand<'models:explain'> {
  static override summary = 'Explain predictions: what each feature adds to the score of a bar (exact Shapley values).';
  static override description =
    'Without --from the newest bar of each instrument. The contributions and the expected margin add up to the margin, of which the score is made.';
  static override examples = [
    '<%= config.bin %> models explain champion',
    '<%= config.bin %> models explain latest --symbols SPY --from 2024-03-01 --to 2024-03-08 --format csv',
  ];
  static override args = reference('model');
  static override flags = flagsOf('models:explain');
  protected readonly command = 'models:explain';

  protected async execute({ args, options, runtime }: Context<'models:explain'>): Promise<Outcome> {
    const { explainModel } = await import('../../core/stages/explain.js');
    const document = await explainModel(args['reference']!, options, await runtime());
    const { predictions, scale } = document;
    if (options.format === 'json') return { text: JSON.stringify(document, undefined, 2), json: document };
    const rows = predictions.flatMap(({ time, instrument, score, expected, features }) => [
      [time, instrument, score, '(expected)', null, expected],
      ...features.map(({ feature, value, contribution }) => [time, instrument, score, feature, value, contribution]),
    ]);
    const decimals = { score: 4, value: 6, contribution: 6 };
    return {
      text: await render({ columns: COLUMNS, rows, decimals }, options.format),
      json: document,
      summary: `Contributions are on the scale of ${scale === 'return' ? 'the return' : 'log odds'}; with (expected) they add up to the margin.`,
    };
  }
}
