import type { z } from 'zod';
import { QuantlineError } from '../errors/index.js';
import { type Environment, vendorVariables } from './environment.js';
import { type FileValues, readConfigFile } from './file.js';
import { commandVariableName, kebab, sectionName, variableName } from './names.js';
import { nearest } from './nearest.js';
import { type AdapterPort, type OptionMeta, optionMeta } from './option.js';
import { REDACTED, type Redactor, redactor, redactUrl } from './redact.js';
import { COMMAND_OPTIONS, type CommandId, type GlobalOptions, globalOptions } from './schemas/index.js';
import { VENDOR_VARIABLES } from './vendors.js';

/** Where a value came from. `name` is the flag, the variable, or the place in the file. */
export interface Origin {
  readonly kind: 'flag' | 'environment' | '.env' | 'file' | 'default';
  readonly name: string;
}

export interface ConfigInput<C extends CommandId> {
  readonly command: C;
  /** Flags that were given, by option key (camel case), unparsed. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly folder: string;
}

export interface ResolvedConfig<C extends CommandId> {
  readonly options: z.output<(typeof COMMAND_OPTIONS)[C]>;
  readonly global: GlobalOptions;
  /** Option key → where its value came from; `set.<key>` and `param.<key>` for settings of adapters. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Option key → its text as given, or the default's; absent where there is neither. */
  readonly texts: ReadonlyMap<string, string>;
  /** Path of the file that was read. */
  readonly file: string | undefined;
  /** Vendors' variables that are set, by name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly secretOrigins: ReadonlyMap<string, string>;
  readonly redact: Redactor;
}

/** Which option carries the settings of a port's adapter, and of which port those without a prefix are. */
const SETTINGS_OPTION: Partial<Record<CommandId, { readonly key: string; readonly port: AdapterPort }>> = {
  ingest: { key: 'set', port: 'source' },
  'ingest:repair': { key: 'set', port: 'source' },
  train: { key: 'param', port: 'trainer' },
  trade: { key: 'set', port: 'broker' },
  doctor: { key: 'set', port: 'broker' },
  positions: { key: 'set', port: 'broker' },
  orders: { key: 'set', port: 'broker' },
  fills: { key: 'set', port: 'broker' },
  account: { key: 'set', port: 'broker' },
  halt: { key: 'set', port: 'broker' },
  resume: { key: 'set', port: 'broker' },
  flatten: { key: 'set', port: 'broker' },
};

/** Resolves flag > environment > file > default. All problems of one command are reported together. */
export async function resolveConfig<C extends CommandId>(input: ConfigInput<C>): Promise<ResolvedConfig<C>> {
  const { command, flags, environment } = input;
  checkVariables(environment);
  const vendors = vendorVariables(environment);
  const path = flags['config'] ?? environment.get(variableName('config'))?.value;
  const file = await readConfigFile(input.folder, path as string | undefined);
  const origins = new Map<string, Origin>();
  const texts = new Map<string, string>();
  const problems: { code: 'USAGE' | 'CONFIG'; message: string; hint?: string | undefined }[] = [];

  const read = (shape: Readonly<Record<string, z.ZodType>>): Record<string, unknown> => {
    const out: Record<string, unknown> = {};
    for (const [key, schema] of Object.entries(shape)) {
      const { raw, origin } = pick(command, key, optionMeta(schema), flags, environment, file.values);
      const complete = settings(command, key, raw, environment, file.values, origins, out);
      const parsed = schema.safeParse(complete);
      origins.set(key, origin);
      const shown = textOf(complete ?? defaultOf(schema));
      if (shown !== undefined) texts.set(key, optionMeta(schema)?.secret ? REDACTED : redactUrl(shown));
      if (parsed.success) {
        if (parsed.data !== undefined) out[key] = parsed.data;
        continue;
      }
      const issue = parsed.error.issues[0]!;
      const hint = issue.code === 'custom' ? (issue.params?.['hint'] as string | undefined) : undefined;
      const code = origin.kind === 'flag' ? 'USAGE' : 'CONFIG';
      problems.push({ code, message: `${origin.name}: ${issue.message}`, hint });
    }
    return out;
  };
  const global = read(globalOptions.shape) as GlobalOptions;
  const options = read(COMMAND_OPTIONS[command].shape) as ResolvedConfig<C>['options'];
  checkJournal(global.journal, origins.get('journal'));
  if (problems.length > 0) {
    const code = problems.some((problem) => problem.code === 'USAGE') ? 'USAGE' : 'CONFIG';
    const hint = problems.find((problem) => problem.hint !== undefined)?.hint;
    throw new QuantlineError(code, problems.map((problem) => problem.message).join('\n'), {
      hint: hint ?? `See: quantline ${command.replaceAll(':', ' ')} --help`,
    });
  }
  return {
    options,
    global,
    origins,
    texts,
    file: file.path,
    secrets: Object.fromEntries([...vendors].map(([name, { value }]) => [name, value])),
    secretOrigins: new Map([...vendors].map(([name, { origin }]) => [name, origin])),
    redact: redactor(vendors),
  };
}

/** The default of an option as it would be written. */
function defaultOf(schema: z.ZodType): unknown {
  return (schema.def as { defaultValue?: unknown }).defaultValue;
}

function textOf(raw: unknown): string | undefined {
  if (raw === undefined || raw === null) return undefined;
  if (Array.isArray(raw)) return raw.map(String).join(',');
  if (typeof raw !== 'object') return String(raw);
  const entries = Object.entries(raw).map(([key, value]) => `${key}=${value}`);
  return entries.length === 0 ? undefined : entries.join(',');
}

function pick(
  command: CommandId,
  key: string,
  meta: OptionMeta | undefined,
  flags: Readonly<Record<string, unknown>>,
  environment: Environment,
  file: FileValues,
): { raw: unknown; origin: Origin } {
  const flag = flags[key];
  if (flag !== undefined) return { raw: flag, origin: { kind: 'flag', name: `--${kebab(key)}` } };
  if (meta?.guard !== true) {
    for (const name of [commandVariableName(command, key), variableName(key)]) {
      const variable = environment.get(name);
      if (variable !== undefined) {
        const kind = variable.origin === '.env' ? '.env' : 'environment';
        return { raw: variable.value, origin: { kind, name } };
      }
    }
    for (const name of [`${sectionName(command)}.${kebab(key)}`, kebab(key)]) {
      const value = file.get(name);
      if (value !== undefined) return { raw: value.value, origin: { kind: 'file', name: value.where } };
    }
  }
  return { raw: undefined, origin: { kind: 'default', name: `--${kebab(key)}` } };
}

/** Adds the chosen adapters' settings from environment and file under those of `--set` or `--param`. */
function settings(
  command: CommandId,
  key: string,
  raw: unknown,
  environment: Environment,
  file: FileValues,
  origins: Map<string, Origin>,
  chosen: Readonly<Record<string, unknown>>,
): unknown {
  const carrier = SETTINGS_OPTION[command];
  if (carrier?.key !== key) return raw;
  const found: Record<string, string> = {};
  for (const [option, value] of Object.entries(chosen)) {
    const schema = (COMMAND_OPTIONS[command].shape as Record<string, z.ZodType>)[option];
    const port = schema === undefined ? undefined : optionMeta(schema)?.adapter;
    // Calls such as policies carry their settings themselves.
    if (port === undefined || Array.isArray(value)) continue;
    const name = typeof value === 'string' ? value : (value as { name: string }).name;
    const prefix = port === carrier.port ? '' : `${port}.`;
    for (const [setting, text, origin] of adapterValues(port, name, environment, file)) {
      found[prefix + setting] = text;
      origins.set(`${key}.${prefix}${setting}`, origin);
    }
  }
  if (Object.keys(found).length === 0) return raw;
  const given = Array.isArray(raw) ? raw.map(String) : typeof raw === 'string' ? raw.split(',') : undefined;
  if (given === undefined) return { ...found, ...(raw as object | undefined) };
  return [...Object.entries(found).map(([name, text]) => `${name}=${text}`), ...given];
}

function* adapterValues(
  port: AdapterPort,
  name: string,
  environment: Environment,
  file: FileValues,
): Generator<[setting: string, text: string, origin: Origin]> {
  const key = `adapters.${port}.${name}.`;
  for (const [path, { value, where }] of file) {
    if (path.startsWith(key)) yield [path.slice(key.length), String(value), { kind: 'file', name: where }];
  }
  const prefix = `${variableName(port)}_${variableName(name).slice('QUANTLINE_'.length)}_`;
  for (const [variable, { value, origin }] of environment) {
    if (!variable.startsWith(prefix)) continue;
    const setting = variable.slice(prefix.length).toLowerCase();
    yield [setting, value, { kind: origin === '.env' ? '.env' : 'environment', name: variable }];
  }
}

const PORTS: readonly AdapterPort[] = [
  'source',
  'store',
  'trainer',
  'broker',
  'news',
  'scorer',
  'target',
  'policy',
  'fill',
];

let variables: ReadonlySet<string> | undefined;

/** Names of all variables that options have, guards left out. */
export const knownVariables = (): ReadonlySet<string> => (variables ??= collectVariables());

function collectVariables(): ReadonlySet<string> {
  const out = new Set<string>();
  const add = (command: string | undefined, shape: Readonly<Record<string, z.ZodType>>) => {
    for (const [key, schema] of Object.entries(shape)) {
      if (optionMeta(schema)?.guard === true) continue;
      out.add(variableName(key));
      if (command !== undefined) out.add(commandVariableName(command, key));
    }
  };
  add(undefined, globalOptions.shape);
  for (const [command, schema] of Object.entries(COMMAND_OPTIONS)) {
    add(command, schema.shape);
    add(command, globalOptions.shape);
  }
  for (const { name, secret } of VENDOR_VARIABLES) {
    if (!name.startsWith('QUANTLINE_')) continue;
    out.add(name);
    if (secret) out.add(`${name}_FILE`);
  }
  return out;
}

function checkVariables(environment: Environment): void {
  const known = knownVariables();
  const guards = guardVariables();
  for (const [name, { origin }] of environment) {
    if (!name.startsWith('QUANTLINE_') || known.has(name) || name.startsWith('QUANTLINE_TEST_')) continue;
    if (PORTS.some((port) => name.startsWith(`${variableName(port)}_`))) continue;
    const where = origin === '.env' ? `${name} in .env` : name;
    const flag = guards.get(name);
    if (flag !== undefined) {
      throw new QuantlineError('CONFIG', `${where}: ${flag} is a guard, it can only be given on the command line.`, {
        hint: `Remove the variable, and give ${flag} where it is meant.`,
      });
    }
    const near = nearest(name, known);
    throw new QuantlineError('CONFIG', `${where}: unknown variable.`, {
      hint: near === undefined ? 'Remove it; .env.example lists those that exist.' : `Did you mean ${near}?`,
    });
  }
}

function guardVariables(): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const schema of [globalOptions, ...Object.values(COMMAND_OPTIONS)]) {
    for (const [key, option] of Object.entries(schema.shape)) {
      if (optionMeta(option as z.ZodType)?.guard) out.set(variableName(key), `--${kebab(key)}`);
    }
  }
  return out;
}

/** A journal is there after a crash; a password on the command line is seen by every process of the machine. */
function checkJournal(journal: string | undefined, origin: Origin | undefined): void {
  if (journal === undefined || origin === undefined) return;
  // SQLite's word for a journal that ends with the process; here it would become a file of that name.
  if (/^(?:file:)?:memory:/.test(journal)) {
    throw new QuantlineError(
      origin.kind === 'flag' ? 'USAGE' : 'CONFIG',
      `${origin.name}: a journal in memory is lost.`,
      {
        hint: 'Name a file on a local disk, or leave it out: the workspace has a journal of its own.',
      },
    );
  }
  if (origin.kind !== 'flag' && origin.kind !== 'file') return;
  if (/^[a-z]+:\/\/[^/@]*:[^/@]+@/i.test(journal)) {
    throw new QuantlineError(origin.kind === 'flag' ? 'USAGE' : 'CONFIG', `${origin.name}: the URL holds a password.`, {
      hint: 'Leave it out and set PGPASSWORD, or give the whole URL as QUANTLINE_JOURNAL.',
    });
  }
}
