import { QuantlineError } from '../../core/errors/index.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { count } from '../../shell/series.js';

export default class StorePrune extends QuantlineCommand<'store:prune'> {
  static override summary = 'Remove stored bars that are superseded and that no dataset of the workspace pins.';
  static override description =
    'Files younger than an hour stay. A warehouse needs --yes: datasets of other workspaces may pin what is removed there.';
  static override examples = ['<%= config.bin %> store prune'];
  static override flags = flagsOf('store:prune');
  protected readonly command = 'store:prune';

  protected async execute({ options, global, runtime }: Context<'store:prune'>): Promise<Outcome> {
    if (options.store !== 'parquet' && !global.yes)
      throw new QuantlineError('USAGE', `${options.store} may be shared: only the pins of this workspace are known.`, {
        hint: 'Add --yes where no other workspace has datasets on it.',
      });
    const { storePrune } = await import('../../core/stages/store.js');
    const { files, bytes } = await storePrune(await runtime(), options.store);
    const text = `${count(files, 'file')}, ${count(bytes, 'byte')}`;
    return { text: '', json: { files, bytes }, summary: `Removed ${text}.` };
  }
}
