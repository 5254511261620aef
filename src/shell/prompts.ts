import type { z } from 'zod';
import { COMMAND_OPTIONS, type CommandId, kebab, optionMeta } from '../core/config/index.js';
import { QuantlineError } from '../core/errors/index.js';
import { isInteractive } from '../core/platform/index.js';
import { adapters } from '../core/registry/index.js';
import type { Context } from './base.js';

type Options<C extends CommandId> = z.output<(typeof COMMAND_OPTIONS)[C]>;
type Filled<C extends CommandId, K extends keyof Options<C>> = Options<C> & { [P in K]-?: NonNullable<Options<C>[P]> };

/**
 * Options with these present. What a person left out is asked on a terminal; without one, with --yes or --json, it is
 * a USAGE error that names the flag.
 */
export async function need<C extends CommandId, K extends keyof Options<C> & string>(
  command: C,
  context: Context<C>,
  ...keys: readonly K[]
): Promise<Filled<C, K>> {
  const options: Record<string, unknown> = { ...context.options };
  for (const key of keys) {
    if (options[key] !== undefined) continue;
    const schema = (COMMAND_OPTIONS[command].shape as Record<string, z.ZodType>)[key]!;
    if (!isInteractive() || context.global.yes || context.global.json) throw missing(command, key, schema);
    options[key] = await ask(key, schema);
  }
  return options as Filled<C, K>;
}

/** Goes on with --yes or a person's consent; USAGE, naming --yes, where nobody can be asked. */
export async function confirm(context: Pick<Context<CommandId>, 'global'>, question: string): Promise<void> {
  if (context.global.yes) return;
  if (!isInteractive() || context.global.json) {
    throw new QuantlineError('USAGE', `${question} Nobody can be asked here.`, { hint: 'Add --yes.' });
  }
  const { default: inquirer } = await import('inquirer');
  const { answer } = (await inquirer.prompt([
    { type: 'confirm', name: 'answer', message: question, default: false },
  ] as never)) as { answer: boolean };
  if (!answer) throw new QuantlineError('INTERRUPTED', 'Nothing was done.');
}

function missing(command: CommandId, key: string, schema: z.ZodType): QuantlineError {
  const meta = optionMeta(schema);
  const names = meta?.adapter === undefined ? [] : adapters(meta.adapter).map(({ name }) => name);
  const known = names.length === 0 ? '' : ` There are: ${names.join(', ')}.`;
  return new QuantlineError(
    'USAGE',
    `quantline ${command.replaceAll(':', ' ')} needs --${kebab(key)}. ${meta?.summary}`,
    {
      hint: `Add --${kebab(key)} '${meta?.value}'.${known}`,
    },
  );
}

async function ask(key: string, schema: z.ZodType): Promise<unknown> {
  const { default: inquirer } = await import('inquirer');
  const meta = optionMeta(schema)!;
  const names = meta.adapter === undefined ? [] : adapters(meta.adapter);
  const message = `--${kebab(key)}: ${meta.summary}`;
  const question =
    names.length > 0 && meta.adapter !== 'trainer'
      ? {
          type: 'select',
          message,
          choices: names.map(({ name, summary }) => ({ name: `${name}: ${summary}`, value: name })),
        }
      : {
          type: 'input',
          message,
          validate: (text: string) => {
            const parsed = schema.safeParse(text);
            return parsed.success || parsed.error.issues[0]!.message;
          },
        };
  const { answer } = (await inquirer.prompt([{ ...question, name: 'answer' }] as never)) as { answer: string };
  return schema.parse(answer);
}
