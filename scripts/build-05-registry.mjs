// Writes src/core/registry/generated.ts: name, summary and lazy loader of every adapter, found by existing.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const core = join(root, 'src', 'core');

/** Port → the folder of its adapters below src/core. */
const FOLDERS = {
  source: 'data/sources',
  store: 'data/stores',
  trainer: 'models/trainers',
  policy: 'risk/policies',
  fill: 'market/fills',
  broker: 'execution/brokers',
  news: 'news/sources',
  scorer: 'news/scorers',
  target: 'deploy/targets',
};

const LITERAL = String.raw`(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\`(?:[^\`\\$]|\\.)*\`)`;

/** The value of `export const <constant> = 'text' + 'text';`, undefined where the file has none. */
function textConstant(source, constant) {
  const form = new RegExp(
    `^export const ${constant}(?:\\s*:\\s*string)?\\s*=\\s*(${LITERAL}(?:\\s*\\+\\s*${LITERAL})*)\\s*;`,
    'm',
  );
  const expression = form.exec(source)?.[1];
  return expression === undefined ? undefined : new Function(`return ${expression};`)();
}

function adaptersOf(folder) {
  const path = join(core, folder);
  if (!existsSync(path)) return [];
  const out = [];
  const places = readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return existsSync(join(path, entry.name, 'index.ts')) ? [`${entry.name}/index.ts`] : [];
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts') && !entry.name.endsWith('.as.ts')
      ? [entry.name]
      : [];
  });
  for (const place of places.sort()) {
    const source = readFileSync(join(path, place), 'utf8');
    const name = textConstant(source, 'name');
    if (name === undefined || !/^export (?:async )?(?:function|const) create\b/m.test(source)) continue;
    const summary = textConstant(source, 'summary');
    if (summary === undefined) throw new Error(`${folder}/${place} exports a name and no summary.`);
    out.push({ name, summary, path: `../${folder}/${place.replace(/\.ts$/, '.js')}` });
  }
  const twice = out.find(({ name }, i) => out.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new Error(`Two adapters in ${folder} are called ${twice.name}.`);
  return out.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const lines = [
  '// Written by scripts/build-05-registry.mjs from the adapter folders. Not edited by hand, not under version control.',
  "import type { AdapterInfo, AdapterPort } from './adapter.js';",
  '',
  'export const ADAPTERS: Readonly<Record<AdapterPort, readonly AdapterInfo[]>> = {',
];
for (const [port, folder] of Object.entries(FOLDERS)) {
  lines.push(`  ${port}: [`);
  for (const { name, summary, path } of adaptersOf(folder)) {
    const text = (value) => JSON.stringify(value);
    lines.push(`    { name: ${text(name)}, summary: ${text(summary)}, load: () => import(${text(path)}) },`);
  }
  lines.push('  ],');
}
lines.push('};', '');

const file = join(core, 'registry', 'generated.ts');
const content = lines.join('\n');
mkdirSync(dirname(file), { recursive: true });
if (!existsSync(file) || readFileSync(file, 'utf8') !== content) writeFileSync(file, content);
