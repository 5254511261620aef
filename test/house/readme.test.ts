import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  COMMAND_OPTIONS,
  type CommandId,
  commandVariableName,
  globalOptions,
  kebab,
  knownVariables,
  optionMeta,
  parseConfig,
  readEnvironment,
  resolveConfig,
} from '../../src/core/config/index.js';
import { QUALITY_CHECKS } from '../../src/core/data/quality.js';
import { EXIT_CODES } from '../../src/core/errors/index.js';
import { blocks, commands, flagsIn } from '../support/pages.js';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const readme = read('README.md');

const pages = [
  'README.md',
  'src/core/README.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
].filter((file) => file.endsWith('.md') && existsSync(join(root, file)));

describe('README', () => {
  it('begins with the two commands', () => {
    expect(blocks(readme, 'bash')[0]).toBe('npm ci && npm run quickstart\nnpm ci && npm test\n');
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, name] of readme.matchAll(/npm run (?:--silent )?([\w:]+)/g)) expect(scripts).toHaveProperty(name!);
  });

  it('has the exit codes of the table in code, both ways', () => {
    const rows = [...readme.matchAll(/^\| (\d+) \| (\w+) \| .+ \|$/gm)].map(([, code, name]) => [name, Number(code)]);
    expect(rows).toEqual(Object.entries(EXIT_CODES));
  });

  it('names every guard', () => {
    for (const { shape } of [globalOptions, ...Object.values(COMMAND_OPTIONS)]) {
      for (const [key, schema] of Object.entries(shape)) {
        if (optionMeta(schema)?.guard) expect(readme).toContain(`\`--${kebab(key)}\``);
      }
    }
  });

  it('names only variables that exist', () => {
    const names = [...readme.matchAll(/`(QUANTLINE_[A-Z_]+)`/g)].map((match) => match[1]!);
    expect(names).toContain(commandVariableName('backtest', 'stopLoss'));
    for (const name of names) expect(knownVariables()).toContain(name);
  });

  it('has a row for every command', () => {
    const table = readme.slice(readme.indexOf('| command |'), readme.indexOf('`quantline <command> --help`'));
    const named = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/\w+/g)].map(String),
    );
    expect(named.sort()).toEqual(
      [...new Set(Object.keys(COMMAND_OPTIONS).map((command) => command.split(':')[0]!))].sort(),
    );
  });
});

describe('docs/data.md', () => {
  it('has the checks of the table in code with their defaults, both ways', () => {
    const page = read('docs/data.md').split('## Checks')[1]!.split('\n## ')[0]!;
    const rows = [...page.matchAll(/^\| `(\w+)` \| .+ \| (\w+) \|$/gm)].map(([, check, policy]) => [check, policy]);
    expect(rows).toEqual(Object.entries(QUALITY_CHECKS).map(([check, { policy }]) => [check, policy]));
  });
});

describe('pages', () => {
  it.each(pages)('%s: configuration blocks are read', async (file) => {
    for (const block of blocks(read(file), 'yaml')) await expect(parseConfig(block, file)).resolves.toBeDefined();
    if (file === 'README.md') {
      expect(blocks(readme, 'yaml').length).toBeGreaterThan(0);
    }
  });

  it.each(pages)('%s: commands have flags and values that are read', async (file) => {
    for (const { words } of commands(read(file))) {
      const [name, ...rest] = words;
      if (name?.startsWith('-')) continue;
      const nested = `${name}:${rest[0]}`;
      const command = (nested in COMMAND_OPTIONS ? nested : name) as CommandId;
      if (name === '<command>') continue;
      expect(Object.keys(COMMAND_OPTIONS), `${file}: ${name}`).toContain(command);
      const { flags, unknown } = flagsIn({ ...COMMAND_OPTIONS[command].shape, ...globalOptions.shape }, rest);
      expect(unknown, `${file}: quantline ${name}`).toEqual([]);
      const folder = join(root, 'fixtures');
      await resolveConfig({ command, flags, environment: readEnvironment(folder, {}), folder });
    }
  });

  it.each(pages)('%s: links lead somewhere', (file) => {
    for (const [, target] of read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
      expect(existsSync(join(root, dirname(file), target!)), `${file} → ${target}`).toBe(true);
    }
  });
});

describe('the tree', () => {
  it('has no path or host of the machine it was made on', () => {
    const wrong: string[] = [];
    const visit = (folder: string): void => {
      for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (/^(node_modules|dist|\.git|\.quantline|coverage)$/.test(path)) continue;
        if (entry.isDirectory()) visit(path);
        else if (/\.(ts|mjs|cjs|js|json|md|ya?ml|py|sh|example)$|^LICENSE$|^\.ci\//.test(path)) {
          const text = read(path);
          const machine = new RegExp(['\\.\\./shared/', '/(root|home|Users)/\\w+/'].join('|'));
          const found = machine.exec(text)?.[0];
          if (found !== undefined && path !== 'test/house/readme.test.ts') wrong.push(`${path}: ${found}`);
        }
      }
    };
    visit('');
    expect(wrong).toEqual([]);
  });

  it('locks the native parts of every platform, without which npm ci fails', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages))
        .map((name) => `${path} → ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('resolves every package from the public registry', () => {
    const lock = read('package-lock.json');
    const hosts = new Set([...lock.matchAll(/"resolved": "(https?:\/\/[^/]+)/g)].map((match) => match[1]));
    expect([...hosts].filter((host) => host !== 'https://registry.npmjs.org')).toEqual([]);
  });

  it('carries the licence that package.json names', () => {
    expect((JSON.parse(read('package.json')) as { license: string }).license).toBe('Apache-2.0');
    expect(read('LICENSE')).toMatch(/^\s*Apache License\s+Version 2\.0, January 2004/);
    expect(read('LICENSE')).toContain('END OF TERMS AND CONDITIONS');
  });

  it('has a metadata file with source, licence and hash beside every file of bars', async () => {
    const { createHash } = await import('node:crypto');
    for (const name of readdirSync(join(root, 'fixtures/bars')).filter((file) => file.endsWith('.csv'))) {
      const meta = JSON.parse(read(`fixtures/bars/${name.replace('.csv', '.json')}`)) as Record<string, string>;
      const sha256 = createHash('sha256')
        .update(readFileSync(join(root, 'fixtures/bars', name)))
        .digest('hex');
      expect(meta['sha256']).toBe(sha256);
      expect(JSON.stringify(meta)).toMatch(/licen[cs]e/i);
    }
  });
});
