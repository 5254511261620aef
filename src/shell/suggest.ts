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
  if (id.startsWith('-')) {
    return new QuantlineError('USAGE', `The option ${id} stands before the command.`, {
      hint: `Write the command first: quantline backtest ${id} …`,
    });
  }
  const words = id.split(':');
  const name = words.join(' ');
  const commands = Object.keys(COMMAND_OPTIONS).map((known) => known.replaceAll(':', ' '));
  // The longest beginning that is a command with none below it: what follows is an argument that it does not take.
  const whole = words.map((_, n) => words.slice(0, n + 1).join(' ')).findLast((start) => commands.includes(start));
  if (whole !== undefined && !commands.some((known) => known.startsWith(`${whole} `))) {
    return new QuantlineError('USAGE', `quantline ${whole} takes no argument "${name.slice(whole.length + 1)}".`, {
      hint: `See: quantline ${whole} --help`,
    });
  }
  const near = nearest(name, commands);
  return new QuantlineError('USAGE', `quantline has no command "${name}".`, {
    hint: near === undefined ? 'See: quantline --help' : `Did you mean: quantline ${near}?`,
  });
}
