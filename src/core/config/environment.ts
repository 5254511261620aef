import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { QuantlineError } from '../errors/index.js';
import { VENDOR_VARIABLES } from './vendors.js';

export interface Variable {
  readonly value: string;
  /** `environment`, `.env`, or the path of the secret file it came from. */
  readonly origin: string;
}

/** Variables of the process and of `.env`; the process wins. Empty ones count as absent. */
export type Environment = ReadonlyMap<string, Variable>;

/** Reads the process's environment and `<folder>/.env`. CONFIG when `.env` is there and cannot be read. */
export function readEnvironment(
  folder: string,
  variables: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  const out = new Map<string, Variable>();
  for (const [name, value] of Object.entries(readDotenv(join(folder, '.env')))) {
    if (value !== '') out.set(name, { value, origin: '.env' });
  }
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined && value !== '') out.set(name, { value, origin: 'environment' });
  }
  return out;
}

function readDotenv(path: string): Record<string, string> {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new QuantlineError('CONFIG', `Cannot read ${path}: ${(error as Error).message}`, {
      hint: 'Check its owner and mode, or remove it.',
      cause: error,
    });
  }
  return parse(content);
}

/** Values of the vendors' variables that are set, secret files (`<NAME>_FILE`) read. */
export function vendorVariables(environment: Environment): ReadonlyMap<string, Variable> {
  const out = new Map<string, Variable>();
  for (const { name, secret } of VENDOR_VARIABLES) {
    const direct = environment.get(name);
    const file = secret ? environment.get(`${name}_FILE`) : undefined;
    if (direct !== undefined) out.set(name, direct);
    else if (file !== undefined) out.set(name, { value: readSecret(name, file.value), origin: file.value });
  }
  return out;
}

function readSecret(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new QuantlineError('CREDENTIALS', `Cannot read ${path}, named by ${name}_FILE: ${(error as Error).message}`, {
      hint: `Check the path, or set ${name} instead.`,
      cause: error,
    });
  }
}
