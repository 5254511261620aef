// Writes oclif.manifest.json, so that --help and starting a command load no command but the one that runs.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Plugin, settings } from '@oclif/core';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const file = join(root, 'oclif.manifest.json');
rmSync(file, { force: true });
settings.enableAutoTranspile = false;
const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const plugin = new Plugin({
  root,
  pjson,
  isRoot: true,
  ignoreManifest: true,
  errorOnManifestCreate: true,
  type: 'core',
});
await plugin.load();
writeFileSync(file, `${JSON.stringify(plugin.manifest, undefined, 1)}\n`);
