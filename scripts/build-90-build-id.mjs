// Records the hash of the compiled code, so that the build id in every artefact costs one small read.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const core = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'core');
const { hashCode } = await import(pathToFileURL(join(core, 'artifacts', 'identity.js')).href);
writeFileSync(join(core, 'build.json'), `${JSON.stringify({ code: hashCode(core) })}\n`);
