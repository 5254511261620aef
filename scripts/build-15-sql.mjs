// Copies the warehouse's versioned SQL beside the compiled code that reads it.
import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
cpSync(join(root, 'src/core/data/stores/sql'), join(root, 'dist/core/data/stores/sql'), { recursive: true });
