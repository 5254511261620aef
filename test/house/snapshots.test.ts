import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { jsonSchemas } from '../../src/shell/schemas.js';

/**
 * What scripts rely on. A change here is a change of the contract: name it in CHANGELOG.md, then accept it with
 * `npx vitest run test/house/snapshots.test.ts -u`.
 */
const root = resolve(import.meta.dirname, '../..');

interface ManifestFlag {
  readonly type: string;
  readonly char?: string;
  readonly multiple?: boolean;
  readonly allowNo?: boolean;
  readonly aliases?: readonly string[];
}

interface Manifest {
  readonly commands: Record<
    string,
    {
      readonly aliases: readonly string[];
      readonly args: Record<string, { readonly required?: boolean }>;
      readonly flags: Record<string, ManifestFlag>;
    }
  >;
}

describe('the contract with scripts', () => {
  it('has these commands, arguments and flags', async () => {
    const { commands } = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as Manifest;
    const lines: string[] = [];
    for (const [id, command] of Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const args = Object.entries(command.args).map(([name, { required }]) => (required ? `<${name}>` : `[${name}]`));
      lines.push([id.replaceAll(':', ' '), ...args].join(' '));
      for (const alias of command.aliases) lines.push(`  = ${alias.replaceAll(':', ' ')}`);
      for (const [name, flag] of Object.entries(command.flags).sort(([a], [b]) => (a < b ? -1 : 1))) {
        const kind =
          flag.type === 'boolean' ? (flag.allowNo ? 'switch, --no-' : 'switch') : flag.multiple ? 'list' : 'value';
        lines.push(`  --${name}${flag.char === undefined ? '' : ` -${flag.char}`}: ${kind}`);
      }
    }
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('__snapshots__/commands.txt');
  });

  const schemas = jsonSchemas();

  it.each([...schemas])('publishes schemas/%s', async (name, schema) => {
    await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot(join(root, 'schemas', name));
  });

  it('publishes no schema of a command that is gone', () => {
    expect(readdirSync(join(root, 'schemas')).sort()).toEqual([...schemas.keys()].sort());
  });

  it('publishes schemas that are closed and can be compiled', () => {
    for (const schema of schemas.values()) expect(() => new Ajv2020({ strict: false }).compile(schema)).not.toThrow();
    expect(JSON.stringify(schemas.get('ingest.json'))).toContain('"additionalProperties":false');
  });
});
