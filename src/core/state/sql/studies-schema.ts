import type { Migration } from '../migrate.js';

export const STUDY_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      'CREATE TABLE studies (study TEXT PRIMARY KEY, definition TEXT NOT NULL, created BIGINT NOT NULL)',
      `CREATE TABLE study_trials (
        study TEXT NOT NULL, trial BIGINT NOT NULL, owner TEXT NOT NULL, token BIGINT NOT NULL, deadline BIGINT NOT NULL,
        finished BIGINT NOT NULL, parameters TEXT, PRIMARY KEY (study, trial))`,
      `CREATE TABLE study_events (
        study TEXT NOT NULL, sequence BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (study, sequence))`,
    ],
  },
];
