import * as Args from '@oclif/core/args';
import { reference } from '../../shell/arguments.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class ModelsTag extends QuantlineCommand<'models:tag'> {
  static override summary = 'Point a tag such as champion or candidate:swing at a model; an existing tag moves.';
  static override examples = [
    '<%= config.bin %> models tag latest candidate',
    '<%= config.bin %> models tag candidate champion:swing',
  ];
  static override args = {
    ...reference('model'),
    tag: Args.string({ required: true, description: 'Name that will stand for the model.' }),
  };
  static override flags = flagsOf('models:tag');
  protected readonly command = 'models:tag';

  protected async execute({ args, options, runtime }: Context<'models:tag'>): Promise<Outcome> {
    const { tagModel } = await import('../../core/stages/models.js');
    const tagged = await tagModel(args['reference']!, args['tag']!, options.remove, await runtime());
    return { text: tagged.path, json: tagged };
  }
}
