import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'dotenv';
import { describe, expect, it } from 'vitest';
import { adapterVariableName, knownVariables, VENDOR_VARIABLES } from '../../src/core/config/index.js';
import { adapters } from '../../src/core/registry/index.js';
import { envExample } from '../../src/shell/env-example.js';

const root = resolve(import.meta.dirname, '../..');
const text = readFileSync(join(root, '.env.example'), 'utf8');
const names = Object.keys(parse(text));

describe('.env.example', () => {
  it('is what the schemas and adapters say (npm run build writes it)', async () => {
    expect(text).toBe(await envExample());
  });

  it('names only variables that are read, and all of them', async () => {
    const settings = new Set<string>();
    for (const port of ['source', 'store', 'trainer', 'broker'] as const) {
      for (const adapter of adapters(port)) {
        const { settings: schema } = await adapter.load();
        for (const key of Object.keys(schema.shape)) settings.add(adapterVariableName(port, adapter.name, key));
      }
    }
    const vendors = new Set(VENDOR_VARIABLES.map(({ name }) => name));
    const known = knownVariables();
    expect(names.filter((name) => !vendors.has(name) && !known.has(name) && !settings.has(name))).toEqual([]);
    expect([...vendors, ...settings].filter((name) => !names.includes(name))).toEqual([]);
    expect(names.filter((name) => known.has(name)).length).toBeGreaterThan(40);
    expect(new Set(names).size).toBe([...text.matchAll(/^[A-Z_0-9]+=/gm)].length);
  });

  it('holds no value: a copy changes nothing', () => {
    expect(Object.values(parse(text)).filter((value) => value !== '')).toEqual([]);
  });
});
