import type { Interfaces } from '@oclif/core';
import * as Flags from '@oclif/core/flags';
import type { z } from 'zod';
import {
  type AdapterPort,
  COMMAND_OPTIONS,
  type CommandId,
  globalOptions,
  kebab,
  optionMeta,
  strategyOptions,
} from '../core/config/index.js';
import { adapters } from '../core/registry/index.js';

/**
 * The oclif flags of a command, from its option schemas. They carry text only: precedence, defaults and parsing belong
 * to the configuration.
 */
export function flagsOf(command: CommandId): Interfaces.FlagInput {
  const shape: Readonly<Record<string, z.ZodType>> = COMMAND_OPTIONS[command].shape;
  const folds = command === 'train' || command === 'tune' ? Object.keys(strategyOptions.shape) : [];
  const own = Object.entries(shape).filter(([key]) => !folds.includes(key));
  return {
    ...flags(Object.fromEntries(own)),
    ...flags(Object.fromEntries(folds.map((key) => [key, shape[key]!])), 'FOLD BACKTEST'),
    ...flags(globalOptions.shape, 'GLOBAL'),
  };
}

/** Flag name → option key. */
export function optionKeys(command: CommandId): ReadonlyMap<string, string> {
  const keys = [...Object.keys(COMMAND_OPTIONS[command].shape), ...Object.keys(globalOptions.shape)];
  return new Map(keys.map((key) => [kebab(key), key]));
}

function flags(shape: Readonly<Record<string, z.ZodType>>, helpGroup?: string): Interfaces.FlagInput {
  const out: Interfaces.FlagInput = {};
  for (const [key, schema] of Object.entries(shape)) {
    const meta = optionMeta(schema);
    if (meta === undefined) continue;
    const initial = defaultText(schema);
    const common = {
      summary: [meta.summary, names(meta.adapter), initial === undefined || meta.switch ? '' : `[default: ${initial}]`]
        .filter(Boolean)
        .join(' '),
      ...(meta.char === undefined ? {} : { char: meta.char as Interfaces.AlphabetLowercase }),
      ...(helpGroup === undefined ? {} : { helpGroup }),
    };
    if (meta.switch) {
      out[kebab(key)] = Flags.boolean({ ...common, allowNo: !meta.guard });
      continue;
    }
    const helpValue = `<${meta.choices === undefined || meta.choices.length > 6 ? meta.value : meta.choices.join('|')}>`;
    const one = { ...common, helpValue };
    // Without "non-greedy", a repeated flag would swallow the arguments after it.
    out[kebab(key)] = meta.multiple
      ? Flags.string({ ...one, multiple: true, multipleNonGreedy: true })
      : Flags.string(one);
  }
  return out;
}

/** The adapters that a port has, for help. */
function names(port: AdapterPort | undefined): string {
  const known = port === undefined ? [] : adapters(port).map(({ name }) => name);
  return known.length === 0 ? '' : `There are: ${known.join(', ')}.`;
}

/** The default as it would be written, undefined where there is none. */
export function defaultText(schema: z.ZodType): string | undefined {
  const { type, defaultValue } = schema.def as { type: string; defaultValue?: unknown };
  if (type !== 'prefault' && type !== 'default') return undefined;
  if (typeof defaultValue === 'object') return undefined;
  return String(defaultValue);
}
