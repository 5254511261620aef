// Writes .env.example from the option schemas and the adapters.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { envExample } from '../dist/shell/env-example.js';

const file = fileURLToPath(new URL('../.env.example', import.meta.url));
const content = await envExample();
if (!existsSync(file) || readFileSync(file, 'utf8') !== content) writeFileSync(file, content);
