import { COMMAND_OPTIONS, type CommandId, nearest } from '../core/config/index.js';
import { QuantlineError } from '../core/errors/index.js';
import { optionKeys } from './flags.js';

/** Adds the nearest flag to oclif's "nonexistent flag"; other errors pass through. */
export function suggestFlag(error: unknown, command: CommandId): unknown {
  const unknown = (error as { flags?: unknown }).flags;
  if (!(error instanceof Error) || !Array.isArray(unknown) || !error.message.startsWith('Nonexistent flag'))
    return error;
  const given = String(unknown[0]);
  const name = given.replace(/^-+/, '').split('=')[0]!;
  const near = nearest(name, optionKeys(command).keys());
  return new QuantlineError('USAGE', `Unknown flag: ${given}`, {
    hint: near === undefined ? `See: quantline ${command.replaceAll(':', ' ')} --help` : `Did you mean --${near}?`,
  });
}

/** The error for a command that does not exist, with the nearest one. */
export function unknownCommand(id: string): QuantlineError {
  const name = id.replaceAll(':', ' ');
  const near = nearest(
    name,
    Object.keys(COMMAND_OPTIONS).map((known) => known.replaceAll(':', ' ')),
  );
  return new QuantlineError('USAGE', `quantline has no command "${name}".`, {
    hint: near === undefined ? 'See: quantline --help' : `Did you mean: quantline ${near}?`,
  });
}
