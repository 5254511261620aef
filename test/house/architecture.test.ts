import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const src = join(root, 'src');

/** Folder below src → its number (src/core/README.md shows the same table). A file imports lower numbers only. */
const LAYERS: Readonly<Record<string, number>> = {
  'core/errors': 0,
  'core/domain': 1,
  'core/platform': 1,
  'core/config': 2,
  'core/artifacts': 3,
  'core/state': 3,
  'core/clients': 3,
  'core/indicators': 3,
  'core/learning': 3,
  'core/market': 3,
  'core/data': 4,
  'core/news': 4,
  'core/features': 4,
  'core/models': 4,
  'core/risk': 4,
  'core/execution': 4,
  'core/deploy': 4,
  'core/engine': 5,
  'core/evaluation': 6,
  'core/monitor': 6,
  'core/registry': 7,
  'core/stages': 8,
  'core/index.ts': 9,
  shell: 10,
  commands: 11,
};

/** Globals that only some folders may touch: code elsewhere takes them as arguments. */
const FORBIDDEN: readonly [name: string, pattern: RegExp, allowed: readonly string[]][] = [
  ['Date.now', /\bDate\.now\b/, ['core/platform']],
  ['new Date()', /\bnew Date\(\s*\)/, ['core/platform']],
  ['performance.now', /\bperformance\.now\b/, ['core/platform']],
  ['Math.random', /\bMath\.random\b/, ['core/platform']],
  ['process.env', /\bprocess\.env\b/, ['core/platform', 'core/config']],
];

const files = (readdirSync(src, { recursive: true }) as string[])
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.startsWith('dashboard/'));

const folderOf = (file: string): string => {
  if (file === 'core/index.ts') return file;
  const [first, second] = file.split('/');
  return first === 'core' ? `core/${second}` : first!;
};

/** Source without comments and texts, so that neither counts as code. Lengths stay. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, (match) =>
    match.startsWith('/') ? ' '.repeat(match.length) : match[0]! + '_'.repeat(match.length - 2) + match[0]!,
  );
}

/** AssemblyScript is no TypeScript module of ours; it imports its own kind. */
const isKernel = (file: string): boolean => file.includes('/kernels/') || file.endsWith('.as.ts');

interface Import {
  readonly target: string;
  readonly types: boolean;
}

/** Relative imports of a file, resolved to files below src. */
function importsOf(file: string, text: string): Import[] {
  const out: Import[] = [];
  const bare = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/[^\n]*/gm, '');
  const form =
    /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'"();]*?\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  for (const [, types, fixed, lazy] of bare.matchAll(form)) {
    const specifier = fixed ?? lazy!;
    if (!specifier.startsWith('.')) continue;
    const target = relative(src, resolve(src, dirname(file), specifier))
      .replaceAll('\\', '/')
      .replace(/\.js$/, '.ts');
    out.push({ target, types: types !== undefined });
  }
  return out;
}

const texts = new Map(files.map((file) => [file, readFileSync(join(src, file), 'utf8')]));
const sources = files.filter((file) => !isKernel(file));
const graph = new Map(sources.map((file) => [file, importsOf(file, texts.get(file)!)]));

describe('architecture', () => {
  it('knows the layer of every file', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => LAYERS[folderOf(file)] === undefined)).toEqual([]);
  });

  it('sees imports, also over several lines and lazy ones', () => {
    const targets = (file: string) => graph.get(file)!.map(({ target }) => target);
    expect(targets('shell/base.ts')).toEqual(
      expect.arrayContaining(['core/config/index.ts', 'core/errors/index.ts', 'shell/failure.ts', 'shell/runtime.ts']),
    );
    expect([...graph.values()].flat().length).toBeGreaterThan(sources.length);
  });

  it('imports only files that exist', () => {
    const missing = [...graph].flatMap(([file, imports]) =>
      imports
        .filter(({ target }) => !texts.has(target) && target !== 'core/registry/generated.ts')
        .map(({ target }) => `${file} → ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it('imports lower numbers only, and never between folders of one number', () => {
    const wrong = [...graph].flatMap(([file, imports]) => {
      const own = folderOf(file);
      return imports
        .filter(({ target }) => {
          const other = folderOf(target);
          return other !== own && LAYERS[other]! >= LAYERS[own]!;
        })
        .map(({ target }) => `${file} (${LAYERS[own]}) → ${target} (${LAYERS[folderOf(target)]})`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps adapters from importing one another', () => {
    const isAdapter = (file: string) =>
      /^core\/(data\/(sources|stores)|models\/trainers|risk\/policies|execution\/brokers|market\/fills|news\/(sources|scorers)|deploy\/targets)\/[^/]+$/.test(
        file,
      );
    const named = (file: string) => /^export const name\b/m.test(texts.get(file) ?? '');
    const wrong = [...graph].flatMap(([file, imports]) =>
      isAdapter(file) && named(file)
        ? imports.filter(({ target }) => isAdapter(target) && named(target)).map(({ target }) => `${file} → ${target}`)
        : [],
    );
    expect(wrong).toEqual([]);
  });

  it('has no import cycle once types are erased', () => {
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      for (const { target, types } of graph.get(file) ?? []) if (!types) visit(target, [...path, file]);
      state.set(file, 'done');
    };
    for (const file of sources) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it.each(FORBIDDEN)('%s stands only where it may', (_, pattern, allowed) => {
    const wrong = sources.filter(
      (file) => !allowed.some((folder) => file.startsWith(`${folder}/`)) && pattern.test(code(texts.get(file)!)),
    );
    expect(wrong).toEqual([]);
  });

  it('asks nowhere below the stages whether it is live', () => {
    const wrong = sources.filter((file) => {
      const layer = LAYERS[folderOf(file)]!;
      return (
        layer < 8 && layer > 2 && /\b(isLive|isBacktest|isPaper|liveMode|paperMode)\b/.test(code(texts.get(file)!))
      );
    });
    expect(wrong).toEqual([]);
  });

  it('keeps files short', () => {
    const long = files
      .map((file) => ({ file, lines: texts.get(file)!.split('\n').length - 1 }))
      .filter(({ lines }) => lines > 400);
    expect(long).toEqual([]);
  });

  it('keeps commands thin', () => {
    const long = files.filter((file) => file.startsWith('commands/') && texts.get(file)!.split('\n').length > 150);
    expect(long).toEqual([]);
  });
});
