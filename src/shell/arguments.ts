import type { Interfaces } from '@oclif/core';
import * as Args from '@oclif/core/args';

/** The one argument of `show`: which artefact. */
export const reference = (kind: string) => ({
  reference: Args.string({ required: true, description: `The ${kind}: path, id, tag or latest.` }),
});

/** No argument of a process can hold it. */
const SHIELD = '\0';

/**
 * Values that begin with a minus, kept from being read as short flags: `--sweep-by -max_drawdown` is not `-m`. Behind an
 * equals sign everything is a value; behind a space a lone short flag (`-m`) and a long one stay flags.
 */
export function shieldValues(argv: readonly string[], flags: Interfaces.FlagInput): string[] {
  const takesValue = (name: string) => flags[name]?.type === 'option';
  const out: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const given = argv[i]!;
    if (given === '--') return [...out, ...argv.slice(i)];
    const [, name, value] = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(given) ?? [];
    if (name === undefined || !takesValue(name)) out.push(given);
    else if (value !== undefined) out.push(value.startsWith('-') ? `--${name}=${SHIELD}${value}` : given);
    else {
      out.push(given);
      const next = argv[i + 1];
      if (next === undefined || !/^-[a-z]./s.test(next)) continue;
      out.push(SHIELD + next);
      i++;
    }
  }
  return out;
}

/** The flags' values as they were given. */
export function unshield(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    return typeof value === 'string' && value.startsWith(SHIELD) ? value.slice(SHIELD.length) : value;
  };
  return Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, plain(value)]));
}
