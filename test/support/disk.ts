import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskOf } from '../../src/core/state/index.js';

/** Real money (of a fake) wants a journal on a disk of this machine; other temporary files of the tests lie in memory. */
const folder = process.env['TEST_DISK'] ?? tmpdir();

export const hasDisk = (await diskOf(join(folder, 'journal.sqlite'))) === 'local';

/** A journal of its own, removed after all tests. */
export const journalOnDisk = (): string => join(mkdtempSync(join(folder, 'journal-')), 'journal.sqlite');
