import { join, resolve } from 'node:path';
import { QuantlineError } from '../core/errors/index.js';
import { isInteractive, writeFileAtomic } from '../core/platform/index.js';
import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { type Answers, askSetup, configText, envText, exists, readIfThere } from '../shell/setup.js';

export default class Init extends QuantlineCommand<'init'> {
  static override summary = 'Write quantline.yaml and .env into the current folder.';
  static override description =
    'Asks on a terminal; with --yes, or without a terminal, it takes flags and defaults. Keys go to .env, readable by its owner only. Nothing that exists is replaced without consent.';
  static override examples = ['<%= config.bin %> init', '<%= config.bin %> init --yes --source alpaca --broker alpaca'];
  static override flags = flagsOf('init');
  protected readonly command = 'init';

  protected async execute(context: Context<'init'>): Promise<Outcome> {
    const { options, global, folder } = context;
    const config = resolve(folder, global.config ?? 'quantline.yaml');
    const env = join(folder, '.env');
    const ask = isInteractive() && !global.yes && !global.json;
    let answers: Answers = {
      source: options.source,
      broker: options.broker,
      workspace: global.workspace,
      keys: {},
      overwrite: options.overwrite,
    };
    if (ask) answers = await askSetup(answers, { config: exists(config), environment: context.environment });
    if (exists(config) && !answers.overwrite) {
      throw new QuantlineError('CONFIG', `${config} exists.`, { hint: 'Edit it, or replace it with --overwrite.' });
    }
    await writeFileAtomic(config, configText(answers));
    const before = readIfThere(env);
    const after = envText(before, answers);
    if (after !== before) await writeFileAtomic(env, after, { mode: 0o600 });
    const written = after === before ? [config] : [config, env];
    return {
      text: config,
      json: { files: written },
      summary: `Wrote ${written.join(' and ')}.${before !== undefined && after === before ? ` Kept ${env} as it is.` : ''}`,
    };
  }
}
