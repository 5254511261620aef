import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { QuantlineError } from '../errors/index.js';
import { sha256 } from '../platform/index.js';
import type { AdapterPort } from './adapter.js';
import { shaped } from './user-shape.js';

/** Whether an adapter's name is the path of a module of the user's own. */
export const isModulePath = (name: string): boolean =>
  /^\.{1,2}[\\/]/.test(name) || /^([\\/]|[A-Za-z]:[\\/])/.test(name) || /\.[mc]?[jt]s$/.test(name);

/** Files of modules that were loaded. */
const loaded = new Set<string>();

/** The user's module in which an error was thrown, if any: it is no defect of ours. */
export const userModuleOf = ({ stack }: Error): string | undefined =>
  [...loaded].find((file) => stack?.includes(file) === true);

/** Loads a user's TypeScript or JavaScript module; `import … from 'quantline'` in it means this library. */
export async function loadUserModule<M>(
  port: AdapterPort | 'feature',
  path: string,
  folder: string,
): Promise<{ module: M; sha256: string }> {
  const file = resolve(folder, path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw new QuantlineError('INPUT', `There is no file ${file}.`, { hint: `Name a ${port} module, or one by name.` });
  }
  const { createJiti } = await import('jiti');
  const virtualModules = { quantline: await library(), zod: await import('zod') };
  const jiti = createJiti(file, { virtualModules, fsCache: false, interopDefault: true });
  let module: Record<string, unknown>;
  try {
    module = await jiti.import<Record<string, unknown>>(file);
  } catch (error) {
    throw new QuantlineError('INPUT', `Cannot load ${file}: ${(error as Error).message}`, {
      hint: 'Correct the module; the README shows one.',
      cause: error,
    });
  }
  for (const [key, type] of [
    ['name', 'string'],
    ['summary', 'string'],
    ['settings', 'object'],
    ['create', 'function'],
  ] as const) {
    if (typeof module[key] !== type || module[key] === null) {
      throw new QuantlineError('INPUT', `${file} does not export "${key}".`, {
        hint: `A ${port} module exports name, summary, settings and create; the README shows a rule.`,
      });
    }
  }
  loaded.add(file);
  const { create } = module as { create: (...args: unknown[]) => unknown };
  const checked = {
    ...module,
    create: (...args: unknown[]) => {
      const made = create(...args);
      return made instanceof Promise ? made.then((value) => shaped(port, file, value)) : shaped(port, file, made);
    },
  };
  return { module: checked as M, sha256: sha256(sources(file).join('\n')) };
}

/** The library as users import it, the same instance as ours. By address, because it lies above this layer. */
async function library(): Promise<unknown> {
  const compiled = new URL('../index.js', import.meta.url);
  return import(existsSync(fileURLToPath(compiled)) ? compiled.href : new URL('../index.ts', import.meta.url).href);
}

/** Hashes of a module and of the modules it imports by relative path, in the order they are met. */
function sources(entry: string): string[] {
  const seen = new Set<string>();
  const out: string[] = [];
  const queue = [entry];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    out.push(sha256(text));
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)) {
      const found = locate(join(dirname(file), specifier!));
      if (found !== undefined) queue.push(found);
    }
  }
  return out;
}

function locate(path: string): string | undefined {
  const bare = path.slice(0, path.length - extname(path).length);
  const candidates = [path, ...['.ts', '.mts', '.js', '.mjs'].flatMap((ext) => [path + ext, bare + ext])];
  candidates.push(join(path, 'index.ts'), join(path, 'index.js'));
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
}
