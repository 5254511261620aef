import type { Migration } from '../migrate.js';

export const TRIAL_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE trials (
        trial_key TEXT PRIMARY KEY, source TEXT NOT NULL, instruments TEXT NOT NULL, bar_interval TEXT NOT NULL,
        strategy TEXT NOT NULL, settings TEXT NOT NULL, sharpe DOUBLE PRECISION, sessions BIGINT NOT NULL,
        first_seen BIGINT NOT NULL, runs BIGINT NOT NULL)`,
      'CREATE INDEX trials_data ON trials (source, bar_interval)',
    ],
  },
];
