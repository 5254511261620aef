import { z } from 'zod';
import { option } from '../option.js';
import { choice, off, word } from './kinds.js';

/** Tables of the journal. */
export const JOURNAL_EXPORTS = [
  ...(['events', 'decisions', 'orders', 'fills', 'positions', 'corporate_actions', 'states', 'cursors'] as const),
  'sessions',
] as const;
const FORMATS = ['ndjson', 'csv', 'parquet'] as const;

/** Options of `quantline journal backup`. */
export const journalBackupOptions = z.strictObject({
  out: option(
    { summary: 'File that does not exist yet; in the workspace by default.', value: 'file' },
    word().optional(),
  ),
});
export type JournalBackupOptions = z.output<typeof journalBackupOptions>;

/** Options of `quantline journal restore`. */
export const journalRestoreOptions = z.strictObject({
  copy: option({ summary: 'Copy that `journal backup` wrote.', value: 'file' }, word().optional()),
  overwrite: option(
    {
      summary: 'Put it in the place of a journal file that is there, which is kept beside it.',
      switch: true,
      guard: true,
    },
    off(),
  ),
});
export type JournalRestoreOptions = z.output<typeof journalRestoreOptions>;

/** Options of `quantline journal export`. */
export const journalExportOptions = z.strictObject({
  table: option(
    { summary: 'Events, or a table that follows from them.', value: 'table', choices: JOURNAL_EXPORTS },
    choice(...JOURNAL_EXPORTS).prefault('events'),
  ),
  as: option(
    { summary: 'How rows are written.', value: 'format', choices: FORMATS },
    choice(...FORMATS).prefault('ndjson'),
  ),
  out: option({ summary: 'File; standard output by default.', value: 'file' }, word().optional()),
});
export type JournalExportOptions = z.output<typeof journalExportOptions>;

/** Options of `quantline journal verify`. */
export const journalVerifyOptions = z.strictObject({
  rebuild: option({ summary: 'First compute the tables again from the events.', switch: true }, off()),
});
export type JournalVerifyOptions = z.output<typeof journalVerifyOptions>;
