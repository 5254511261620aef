import {
  COMMAND_OPTIONS,
  type CommandId,
  globalOptions,
  kebab,
  nearest,
  type Origin,
  REDACTED,
  resolveConfig,
  sectionName,
  VENDOR_VARIABLES,
} from '../core/config/index.js';
import { QuantlineError } from '../core/errors/index.js';
import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { render } from '../shell/output.js';

interface Row {
  readonly key: string;
  readonly value: string | null;
  readonly origin: string;
}

export default class Config extends QuantlineCommand<'config'> {
  static override summary = 'Print the resolved configuration and where each value came from.';
  static override description =
    'A flag goes before the environment, that before quantline.yaml, that before the default. Secrets are never shown.';
  static override examples = ['<%= config.bin %> config', '<%= config.bin %> config --command backtest --json'];
  static override flags = flagsOf('config');
  protected readonly command = 'config';

  protected async execute(context: Context<'config'>): Promise<Outcome> {
    const rows: Row[] = [];
    const globals = Object.keys(globalOptions.shape);
    for (const key of globals) rows.push(row(key, context.texts.get(key), context.origins.get(key)));
    for (const command of commandsOf(context.options.command)) {
      const resolved = await resolveConfig({
        ...context,
        command,
        flags: context.file ? { config: context.file } : {},
      });
      for (const key of Object.keys(COMMAND_OPTIONS[command].shape)) {
        rows.push({
          ...row(key, resolved.texts.get(key), resolved.origins.get(key)),
          key: `${sectionName(command)}.${kebab(key)}`,
        });
      }
    }
    for (const { name, secret } of VENDOR_VARIABLES) {
      const origin = context.secretOrigins.get(name);
      if (origin !== undefined) rows.push({ key: name, value: secret ? REDACTED : context.secrets[name]!, origin });
    }
    return {
      text: await render(
        { columns: ['key', 'value', 'origin'], rows: rows.map((r) => [r.key, r.value, r.origin]) },
        'table',
      ),
      json: { file: context.file ?? null, values: rows },
    };
  }
}

function row(key: string, text: string | undefined, origin: Origin | undefined): Row {
  const from =
    origin === undefined || origin.kind === 'default'
      ? 'default'
      : origin.kind === 'file'
        ? origin.name
        : `${origin.name}${origin.kind === '.env' ? ' (.env)' : ''}`;
  return { key: kebab(key), value: text ?? null, origin: from };
}

function commandsOf(name: string | undefined): readonly CommandId[] {
  const all = Object.keys(COMMAND_OPTIONS) as CommandId[];
  if (name === undefined) return all;
  const found = all.find((id) => sectionName(id) === name.replaceAll(/[ :]/g, '-'));
  if (found !== undefined) return [found];
  const near = nearest(name, all.map(sectionName));
  throw new QuantlineError(
    'USAGE',
    `There is no command "${name}".`,
    near === undefined ? {} : { hint: `Did you mean ${near}?` },
  );
}
