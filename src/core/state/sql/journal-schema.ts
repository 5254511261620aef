import type { Migration } from '../migrate.js';

/** Money and quantities are TEXT, times BIGINT epoch milliseconds. Everything but events and leases is a projection. */
export const JOURNAL_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE events (
        position BIGINT PRIMARY KEY, stream TEXT NOT NULL, sequence BIGINT NOT NULL, type TEXT NOT NULL,
        time BIGINT NOT NULL, body TEXT NOT NULL, checksum TEXT NOT NULL, UNIQUE (stream, sequence))`,
      'CREATE INDEX events_type ON events (type, position)',
      `CREATE TABLE leases (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, token BIGINT NOT NULL, deadline BIGINT NOT NULL)`,
      `CREATE TABLE decisions (
        venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL, slot BIGINT NOT NULL, report TEXT NOT NULL,
        time BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (venue, account, strategy, slot))`,
      `CREATE TABLE orders (
        client_order_id TEXT PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL,
        slot BIGINT NOT NULL, leg TEXT NOT NULL, revision BIGINT NOT NULL, instrument TEXT NOT NULL,
        request TEXT NOT NULL, parent TEXT, replaces TEXT, status TEXT NOT NULL, closing TEXT, is_open BIGINT NOT NULL,
        venue_order_id TEXT, filled_quantity TEXT NOT NULL, average_price TEXT, reported_quantity TEXT,
        venue_status TEXT, reason TEXT, created_at BIGINT NOT NULL, sent_at BIGINT, updated_at BIGINT NOT NULL,
        position BIGINT NOT NULL, ordinal BIGINT NOT NULL,
        UNIQUE (venue, account, strategy, instrument, slot, leg, revision))`,
      'CREATE INDEX orders_open ON orders (venue, account, is_open)',
      'CREATE INDEX orders_slot ON orders (venue, account, strategy, slot)',
      'CREATE INDEX orders_venue_id ON orders (venue, account, venue_order_id)',
      `CREATE TABLE fills (
        venue TEXT NOT NULL, account TEXT NOT NULL, execution_id TEXT NOT NULL, strategy TEXT NOT NULL,
        client_order_id TEXT NOT NULL, instrument TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL,
        price TEXT NOT NULL, costs TEXT, kind TEXT NOT NULL, refers_to TEXT, is_void BIGINT NOT NULL,
        time BIGINT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (venue, account, execution_id))`,
      'CREATE INDEX fills_order ON fills (client_order_id)',
      `CREATE TABLE positions (
        venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL, instrument TEXT NOT NULL,
        quantity TEXT NOT NULL, average_price TEXT, realised TEXT NOT NULL, lots TEXT NOT NULL,
        updated_at BIGINT NOT NULL, PRIMARY KEY (venue, account, strategy, instrument))`,
      `CREATE TABLE corporate_actions (
        venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL, instrument TEXT NOT NULL,
        date TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, time BIGINT NOT NULL, position BIGINT NOT NULL,
        PRIMARY KEY (venue, account, strategy, instrument, date, type))`,
      `CREATE TABLE states (
        venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
        since BIGINT NOT NULL, PRIMARY KEY (venue, account, strategy))`,
      `CREATE TABLE cursors (
        venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL, cursor_value TEXT NOT NULL,
        PRIMARY KEY (venue, account, strategy))`,
      `CREATE TABLE sessions (
        venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL, session TEXT NOT NULL,
        started_at BIGINT, ended_at BIGINT, body TEXT NOT NULL, PRIMARY KEY (venue, account, strategy, session))`,
    ],
  },
  {
    // What a slot asks stays as quick as on the first day: nothing scans all orders or fills of the past.
    version: 2,
    statements: [
      'DROP INDEX orders_open',
      'CREATE INDEX orders_open ON orders (is_open, venue, account, strategy, position)',
      'CREATE INDEX fills_refers ON fills (venue, account, refers_to) WHERE refers_to IS NOT NULL',
      'CREATE INDEX fills_position ON fills (venue, account, position)',
    ],
  },
  {
    // The orders of one slot lie next to each other in every index: recording them changes few pages.
    version: 3,
    statements: [
      'DROP INDEX orders_open',
      'DROP INDEX orders_slot',
      'DROP INDEX orders_venue_id',
      'ALTER TABLE orders RENAME TO orders_of_v2',
      `CREATE TABLE orders (
        client_order_id TEXT PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL,
        slot BIGINT NOT NULL, leg TEXT NOT NULL, revision BIGINT NOT NULL, instrument TEXT NOT NULL,
        request TEXT NOT NULL, parent TEXT, replaces TEXT, status TEXT NOT NULL, closing TEXT, is_open BIGINT NOT NULL,
        venue_order_id TEXT, filled_quantity TEXT NOT NULL, average_price TEXT, reported_quantity TEXT,
        venue_status TEXT, reason TEXT, created_at BIGINT NOT NULL, sent_at BIGINT, updated_at BIGINT NOT NULL,
        position BIGINT NOT NULL, ordinal BIGINT NOT NULL,
        UNIQUE (venue, account, strategy, slot, instrument, leg, revision))`,
      'INSERT INTO orders SELECT * FROM orders_of_v2',
      'DROP TABLE orders_of_v2',
      'CREATE INDEX orders_open ON orders (is_open, venue, account, strategy, position)',
      'CREATE INDEX orders_venue_id ON orders (venue, account, venue_order_id) WHERE venue_order_id IS NOT NULL',
    ],
  },
];

/** Tables that `rebuild` empties and computes again. */
export const PROJECTIONS = [
  'decisions',
  'orders',
  'fills',
  'positions',
  'corporate_actions',
  'states',
  'cursors',
  'sessions',
] as const;
