import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { QuantlineError } from '../errors/index.js';
import { kebab, sectionName } from './names.js';
import { nearest } from './nearest.js';
import { optionMeta } from './option.js';
import { COMMAND_OPTIONS, type CommandId, globalOptions } from './schemas/index.js';
import { VENDOR_VARIABLES } from './vendors.js';

export const CONFIG_FILE = 'quantline.yaml';

/** A value of the file, with where it stands for messages. */
export interface FileValue {
  readonly value: unknown;
  /** `quantline.yaml:7 train.split` */
  readonly where: string;
}

/** The file by keys: `split` (shared) or `train.split` (one command), and `adapters.<port>.<name>.<setting>`. */
export type FileValues = ReadonlyMap<string, FileValue>;

export interface ConfigFile {
  readonly path: string | undefined;
  readonly values: FileValues;
}

/**
 * Reads `path`, or quantline.yaml of `folder` where it exists. CONFIG for YAML that cannot be read, unknown keys
 * (with the nearest known one), guards and secrets.
 */
export async function readConfigFile(folder: string, path: string | undefined): Promise<ConfigFile> {
  const file = path === undefined ? join(folder, CONFIG_FILE) : resolve(folder, path);
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    if (path === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT')
      return { path: undefined, values: new Map() };
    const code = (error as NodeJS.ErrnoException).code;
    const what = code === 'ENOENT' ? 'There is no configuration file' : `Cannot read (${code}) the configuration file`;
    throw new QuantlineError('CONFIG', `${what} ${file}`, {
      hint: 'Check the path, or create the file with: quantline init',
      cause: error,
    });
  }
  return { path: file, values: await parseConfig(content, basename(file)) };
}

/** Reads the text of a configuration file; `name` stands in messages. */
export async function parseConfig(content: string, name: string): Promise<FileValues> {
  const { LineCounter, isMap, isPair, isScalar, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw failure(`${name}:${line}:${col}`, problem.message);
  }
  const out = new Map<string, FileValue>();
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return out;
  if (!isMap(root)) throw failure(name, 'expected keys and values at the top');

  const walk = (node: typeof root, prefix: string, visit: (key: string, where: string, value: unknown) => boolean) => {
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key)) throw failure(name, 'keys must be plain words');
      const key = prefix + String(pair.key.value);
      const at = pair.key.range?.[0];
      const where = `${name}${at === undefined ? '' : `:${lines.linePos(at).line}`} ${key}`;
      const value = pair.value;
      const plain =
        isMap(value) || !isScalar(value)
          ? (value as { toJS?(d: unknown): unknown } | null)?.toJS?.(document)
          : value.value;
      if (visit(key, where, plain)) {
        if (!isMap(value)) throw failure(where, 'expected keys and values below');
        walk(value, `${key}.`, visit);
      }
    }
  };
  walk(root, '', (key, where, value) => {
    const descend = classify(key, where, value);
    if (!descend && value !== null && value !== undefined) out.set(key, { value, where });
    return descend && value !== null;
  });
  return out;
}

/** Whether to look below this key; throws for a key that has no business here. */
function classify(key: string, where: string, value: unknown): boolean {
  const [head, ...rest] = key.split('.');
  if (head === 'adapters') return rest.length < 3;
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  const sections = commandSections();
  if (rest.length === 0) {
    if (key === 'config' && !isMapping) throw failure(where, 'a configuration file cannot name another one');
    if (sections.has(key) && (isMapping || !sharedKeys().has(key))) return true;
    check(key, sharedKeys(), [...sections.keys(), 'adapters'], where);
    return false;
  }
  check(rest.join('.'), sections.get(head!)!, [], where);
  return false;
}

function check(key: string, known: ReadonlyMap<string, boolean>, others: readonly string[], where: string): void {
  const guard = known.get(key);
  if (guard === false) return;
  if (guard === true) throw failure(where, `--${key} is a guard: it can only be given on the command line`);
  if (VENDOR_VARIABLES.some(({ name }) => name === key.toUpperCase().replaceAll('-', '_'))) {
    throw failure(where, 'this belongs in the environment or in .env, never in this file');
  }
  const names = [...[...known].filter(([, isGuard]) => !isGuard).map(([name]) => name), ...others];
  const near = nearest(key, names);
  throw failure(where, 'unknown key', near === undefined ? undefined : `Did you mean "${near}"?`);
}

function failure(where: string, what: string, hint?: string): QuantlineError {
  return new QuantlineError('CONFIG', `${where}: ${what}`, { hint: hint ?? `Correct ${where.split(/[: ]/)[0]}.` });
}

/** Option keys (kebab case) → whether it is a guard, of all commands together. */
function sharedKeys(): ReadonlyMap<string, boolean> {
  const out = new Map<string, boolean>();
  for (const schema of [globalOptions, ...Object.values(COMMAND_OPTIONS)]) {
    for (const [key, isGuard] of keysOf(schema.shape)) if (key !== 'config') out.set(key, isGuard);
  }
  return out;
}

function commandSections(): ReadonlyMap<string, ReadonlyMap<string, boolean>> {
  const global = [...keysOf(globalOptions.shape)].filter(([key]) => key !== 'config');
  return new Map(
    (Object.keys(COMMAND_OPTIONS) as CommandId[]).map((id) => [
      sectionName(id),
      new Map([...global, ...keysOf(COMMAND_OPTIONS[id].shape)]),
    ]),
  );
}

function keysOf(shape: object): Map<string, boolean> {
  return new Map(Object.entries(shape).map(([key, schema]) => [kebab(key), optionMeta(schema)?.guard === true]));
}
