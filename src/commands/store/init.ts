import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { need } from '../../shell/prompts.js';

export default class StoreInit extends QuantlineCommand<'store:init'> {
  static override summary = 'Create a BigQuery dataset and its tables where they are missing.';
  static override description = 'What is there already stays as it is; a table with other columns is an error.';
  static override examples = [
    '<%= config.bin %> store init --store bigquery://my-project.bars',
    "<%= config.bin %> store init --store 'bigquery://my-project.bars?location=EU'",
  ];
  static override flags = flagsOf('store:init');
  protected readonly command = 'store:init';

  protected async execute(context: Context<'store:init'>): Promise<Outcome> {
    const { store } = await need('store:init', context, 'store');
    const { storeInit } = await import('../../core/stages/store.js');
    const created = await storeInit(store, await context.runtime());
    return {
      text: store,
      json: { store, created },
      summary: created ? 'Created.' : 'The dataset was there; it is ready.',
    };
  }
}
