import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';

const COLUMNS = [
  ...(['id', 'tags', 'trainer', 'label', 'engine', 'valid_from', 'inputs', 'run'] as const),
  ...(['total_return', 'sharpe', 'max_drawdown', 'report', 'gate', 'pass'] as const),
] as const;

export default class ModelsCompare extends QuantlineCommand<'models:compare'> {
  static override summary = 'Compare models: what they were made from, what their runs earned, what the gates said.';
  static override examples = [
    '<%= config.bin %> models compare',
    '<%= config.bin %> models compare --models champion,candidate --json',
  ];
  static override flags = flagsOf('models:compare');
  protected readonly command = 'models:compare';

  protected async execute({ options, runtime }: Context<'models:compare'>): Promise<Outcome> {
    const { compareModels } = await import('../../core/stages/models.js');
    const models = await compareModels(options, await runtime());
    const { format } = options;
    if (format === 'json') return { text: JSON.stringify(models, undefined, 2), json: models };
    const rows = models.map((row) =>
      COLUMNS.map((name) => {
        const value = row[name];
        return Array.isArray(value) ? value.join(' ') : (value as string | number | boolean | null);
      }),
    );
    const decimals = { total_return: 4, sharpe: 4, max_drawdown: 4 };
    return { text: await render({ columns: COLUMNS, rows, decimals }, format), json: models };
  }
}
