import { z } from 'zod';
import { COMMAND_OPTIONS, type CommandId, sectionName } from '../core/config/index.js';
import { COMMAND_RESULTS, errorResult } from './results/index.js';

/** File name → JSON Schema of what the command prints under --json; `error.json` for its failures. */
export function jsonSchemas(): ReadonlyMap<string, object> {
  const out = new Map<string, object>();
  const add = (name: string, title: string, schema: z.ZodType) =>
    out.set(`${name}.json`, { title, ...z.toJSONSchema(schema, { target: 'draft-2020-12' }) });
  for (const command of Object.keys(COMMAND_OPTIONS) as CommandId[]) {
    add(sectionName(command), `quantline ${command.replaceAll(':', ' ')} --json`, COMMAND_RESULTS[command]);
  }
  add('error', 'Any command that fails under --json', errorResult);
  return out;
}
