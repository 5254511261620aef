import { z } from 'zod';
import { option } from '../option.js';
import { choice, integer, off, word } from './kinds.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'silent'] as const;

/** Options of every command. */
export const globalShape = {
  workspace: option(
    { summary: 'Folder of artefacts, store and journal.', value: 'folder', char: 'w' },
    word().prefault('.quantline'),
  ),
  artifacts: option(
    {
      summary: 'Bucket that holds the artefacts, for several machines; by default they lie in the workspace.',
      value: 'gs://bucket/prefix',
    },
    word().optional(),
  ),
  config: option(
    { summary: 'Configuration file; quantline.yaml of the current folder where it exists.', value: 'file' },
    word().optional(),
  ),
  json: option({ summary: 'Print one JSON document instead of a path or table.', switch: true }, off()),
  logLevel: option(
    { summary: 'Least level of messages on stderr.', value: 'level', choices: LOG_LEVELS },
    choice(...LOG_LEVELS).prefault('info'),
  ),
  quiet: option({ summary: 'No progress and no messages below warnings.', switch: true, char: 'q' }, off()),
  yes: option(
    { summary: 'Answer every question with yes; never prompt.', switch: true, char: 'y', guard: true },
    off(),
  ),
  threads: option(
    { summary: 'Worker threads; all cores by default. Never changes a result.', value: 'n' },
    integer(1, 1024).optional(),
  ),
  journal: option(
    {
      summary: 'Journal of live trading: a file, or a postgres:// URL (without a password: that stays in PGPASSWORD).',
      value: 'path|url',
    },
    word().optional(),
  ),
  xgboostLib: option(
    { summary: 'XGBoost’s library for --engine: its file, or a Python environment that has it.', value: 'path' },
    word().optional(),
  ),
  trialLedger: option(
    {
      summary:
        'Database that counts trials across workspaces: a file, by default in the user’s data folder, or a postgres:// URL.',
      value: 'path|url',
    },
    word().optional(),
  ),
};

export const globalOptions = z.strictObject(globalShape);
export type GlobalOptions = z.output<typeof globalOptions>;
