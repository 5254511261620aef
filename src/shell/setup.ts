import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { type Environment, VENDOR_VARIABLES, type VendorVariable } from '../core/config/index.js';
import { adapters } from '../core/registry/index.js';

/** What `quantline init` writes. */
export interface Answers {
  readonly source: string | undefined;
  readonly broker: string | undefined;
  readonly workspace: string;
  /** Vendors' variables by name. */
  readonly keys: Readonly<Record<string, string>>;
  readonly overwrite: boolean;
}

export const exists = (path: string): boolean => existsSync(path);
export const readIfThere = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, 'utf8') : undefined;

/** Variables of the vendors behind the chosen source and broker. */
export function variablesOf(answers: Pick<Answers, 'source' | 'broker'>): readonly VendorVariable[] {
  const names = [answers.source, answers.broker].filter((name) => name !== undefined).map((name) => name.toLowerCase());
  return VENDOR_VARIABLES.filter(({ group }) => names.some((name) => group.toLowerCase().includes(name)));
}

/** Asks a person for what the flags left out. */
export async function askSetup(
  given: Answers,
  present: { readonly config: boolean; readonly environment: Environment },
): Promise<Answers> {
  const { default: inquirer } = await import('inquirer');
  let { source, broker, workspace, overwrite } = given;
  const choices = (port: 'source' | 'broker') =>
    adapters(port).map(({ name, summary }) => ({ name: `${name}: ${summary}`, value: name, short: name }));
  const ask = async <T>(question: object): Promise<T> =>
    ((await inquirer.prompt([{ ...question, name: 'answer' }] as never)) as { answer: T }).answer;

  if (present.config && !overwrite) {
    overwrite = await ask<boolean>({ type: 'confirm', message: 'quantline.yaml exists. Replace it?', default: false });
    if (!overwrite) return { ...given, overwrite };
  }
  source ??= await ask<string>({ type: 'select', message: 'Where do bars come from?', choices: choices('source') });
  broker ??= await ask<string>({ type: 'select', message: 'Where are orders sent?', choices: choices('broker') });
  workspace = await ask<string>({ type: 'input', message: 'Folder for artefacts', default: workspace });
  const keys: Record<string, string> = {};
  for (const { name, summary, secret } of variablesOf({ source, broker })) {
    if (!secret || present.environment.has(name) || present.environment.has(`${name}_FILE`)) continue;
    const value = await ask<string>({ type: 'password', mask: '*', message: `${name} (${summary} Empty: later)` });
    if (value.trim() !== '') keys[name] = value.trim();
  }
  return { source, broker, workspace, keys, overwrite };
}

/** The text of quantline.yaml. */
export function configText({ source, broker, workspace }: Answers): string {
  const yaml = (text: string) => (/^[\w./-]+$/.test(text) ? text : JSON.stringify(text));
  const line = (key: string, value: string | undefined, example: string) =>
    value === undefined ? `  # ${key}: ${example}` : `  ${key}: ${yaml(value)}`;
  return `# Settings of Quantline. Every flag has a key of its name; \`quantline config\` shows what holds and from where.
# A flag goes before the environment, that before this file. Keys and passwords belong in .env, never here.
workspace: ${yaml(workspace)}

ingest:
${line('source', source, 'csv')}
  # symbols: [SPY, QQQ]
  # interval: 1d

train:
  # split: 70%
  # seed: 1

backtest:
  # cash: 100000
  # commission: 0.1%
  # slippage: 5bp

evaluate:
  # gate: default

trade:
${line('broker', broker, 'sim')}

# Settings of adapters, by port and name:
# adapters:
#   source:
#     synthetic:
#       seed: 7
`;
}

/** The text of .env: what is there stays; variables that are new are added, those without a value as empty lines. */
export function envText(before: string | undefined, answers: Answers): string {
  const known = parse(before ?? '');
  const lines: string[] = [];
  for (const { name, summary } of variablesOf(answers)) {
    const value = answers.keys[name];
    if (known[name] !== undefined && (known[name] !== '' || value === undefined)) continue;
    lines.push(`# ${summary}`, `${name}=${value === undefined ? '' : quote(value)}`);
  }
  if (before === undefined) {
    const head = '# Keys and passwords; readable by its owner only, never under version control.';
    return `${[head, '# .env.example lists every variable.', ...lines].join('\n')}\n`;
  }
  return lines.length === 0 ? before : `${before.replace(/\n?$/, '\n')}${lines.join('\n')}\n`;
}

function quote(value: string): string {
  if (/^[\w./:@+=-]+$/.test(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
