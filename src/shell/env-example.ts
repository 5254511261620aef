import type { z } from 'zod';
import {
  type AdapterPort,
  adapterVariableName,
  COMMAND_OPTIONS,
  globalOptions,
  kebab,
  optionMeta,
  VENDOR_VARIABLES,
  variableName,
} from '../core/config/index.js';
import { adapters } from '../core/registry/index.js';
import { defaultText } from './flags.js';

/** Ports whose settings can come from the environment. */
const PORTS: readonly AdapterPort[] = ['source', 'store', 'trainer', 'broker'];

const head = (
  guards: readonly string[],
): string => `# Every variable that Quantline reads. Copy this file to .env (chmod 600) and fill in what you need.
# Written by the build from the option schemas and the adapters; an empty variable counts as absent.
#
# A flag goes before the environment, that before .env, that before quantline.yaml, that before the default.
# QUANTLINE_<OPTION> serves every command that has the option, QUANTLINE_<COMMAND>_<OPTION> one command and goes
# before it: QUANTLINE_BACKTEST_CASH. A secret marked "file" may be given as <NAME>_FILE, the path of a file.
# The guards have none: ${guards.join(', ')}.
`;

/** The text of .env.example: vendors, options, settings of adapters. Loads every adapter, but no vendor's library. */
export async function envExample(): Promise<string> {
  const lines = [head(guardFlags())];
  let group = '';
  for (const variable of VENDOR_VARIABLES) {
    if (variable.group !== group) lines.push(`# ${(group = variable.group)}`, '');
    lines.push(`# ${variable.summary}${variable.secret ? ' Secret, file.' : ''}`, `${variable.name}=`, '');
  }
  lines.push('# Options', '');
  for (const [key, { schema, commands }] of options()) {
    const meta = optionMeta(schema)!;
    const initial = defaultText(schema);
    lines.push(`# ${meta.summary} (${commands.join(', ')})`);
    lines.push(...(initial === undefined ? [] : [`# Default: ${initial}`]), `${variableName(key)}=`, '');
  }
  for (const port of PORTS) {
    for (const adapter of adapters(port)) {
      const { settings } = await adapter.load();
      const keys = Object.entries(settings.shape as Record<string, z.ZodType>);
      if (keys.length > 0) lines.push(`# ${port} ${adapter.name}: ${adapter.summary}`, '');
      for (const [key, schema] of keys) {
        if (schema.description !== undefined) lines.push(`# ${schema.description}`);
        lines.push(`${adapterVariableName(port, adapter.name, key)}=`);
      }
      if (keys.length > 0) lines.push('');
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function guardFlags(): readonly string[] {
  const out = new Set<string>();
  for (const { shape } of [globalOptions, ...Object.values(COMMAND_OPTIONS)]) {
    for (const [key, schema] of Object.entries(shape)) if (optionMeta(schema)?.guard) out.add(`--${kebab(key)}`);
  }
  return [...out].sort();
}

function options(): Map<string, { schema: z.ZodType; commands: string[] }> {
  const out = new Map<string, { schema: z.ZodType; commands: string[] }>();
  for (const [key, schema] of Object.entries(globalOptions.shape)) out.set(key, { schema, commands: ['all commands'] });
  for (const [command, { shape }] of Object.entries(COMMAND_OPTIONS)) {
    for (const [key, schema] of Object.entries(shape)) {
      const entry = out.get(key) ?? { schema: schema as z.ZodType, commands: [] as string[] };
      entry.commands.push(command.replaceAll(':', ' '));
      out.set(key, entry);
    }
  }
  for (const [key, { schema }] of out) if (optionMeta(schema)?.guard) out.delete(key);
  return out;
}
