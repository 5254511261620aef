import { randomUUID } from 'node:crypto';
import { canonicalJson, idOf } from '../platform/hash.js';
import type { Database, Sql } from './database.js';
import { migrate, readMeta, writeMeta } from './migrate.js';
import { openDatabase } from './open.js';
import { TRIAL_MIGRATIONS } from './sql/trials-schema.js';

/** What makes a trial distinct. Order of the instruments does not count. */
export interface TrialIdentity {
  readonly source: string;
  readonly instruments: readonly string[];
  readonly interval: string;
  /** The rule or trainer by name: `sma-cross`. */
  readonly strategy: string;
  /** What it was told, and how its scores become positions. JSON. */
  readonly settings: unknown;
  readonly seed?: number | undefined;
}

export interface TrialResult {
  /** Sharpe ratio per session, not annualised; NaN where the returns have no variance. */
  readonly sharpe: number;
  /** Length of the return series in sessions. */
  readonly sessions: number;
}

/** A trial to enter. `written` is how a person wrote the strategy, `sma-cross(10,30)`: shown, and no part of the identity. */
export type NewTrial = TrialIdentity & TrialResult & { readonly written?: string };

export interface Trial extends TrialIdentity, TrialResult {
  readonly key: string;
  /** As written where it was. */
  readonly strategy: string;
  readonly firstSeen: number;
  /** How often it was run; it counts once. */
  readonly runs: number;
}

export interface TrialFilter {
  readonly source?: string;
  readonly interval?: string;
  /** Trials on exactly these instruments. */
  readonly instruments?: readonly string[];
}

export interface TrialSummary {
  /** Id of the ledger and when it began. */
  readonly ledger: string;
  readonly since: number;
  readonly count: number;
  /** Sample variance (n − 1) of the per-session Sharpe ratios that exist; 0 with fewer than two. */
  readonly sharpeVariance: number;
  readonly bestSharpe: number | undefined;
}

interface TrialRow {
  readonly trial_key: string;
  readonly source: string;
  readonly instruments: string;
  readonly bar_interval: string;
  readonly strategy: string;
  readonly settings: string;
  readonly sharpe: number | null;
  readonly sessions: number;
  readonly first_seen: number;
  readonly runs: number;
}

const listOf = (instruments: readonly string[]): string => JSON.stringify([...instruments].sort());

/** The id of a trial: 16 hex digits. */
export function trialKey(trial: TrialIdentity): string {
  const { source, instruments, interval, strategy, settings, seed } = trial;
  return idOf({ source, instruments: [...instruments].sort(), interval, strategy, settings, seed });
}

/**
 * Everything that was ever tried, per user: a database of its own that outlives artefacts and workspaces. The number
 * of trials and the spread of their results are what a deflated Sharpe ratio needs.
 */
export class TrialLedger {
  private constructor(
    private readonly db: Database,
    readonly id: string,
    /** When the ledger began, epoch milliseconds. */
    readonly since: number,
  ) {}

  /** Opens or begins the ledger at a path (or postgres:// address). STATE where it is damaged or newer. */
  static async open(location: string, now: number): Promise<TrialLedger> {
    const db = await openDatabase(location);
    try {
      await db.check();
      await migrate(db, 'trials', TRIAL_MIGRATIONS);
      const [id, since] = await db.write(async (sql) => {
        if ((await readMeta(sql, 'trials_id')) === undefined) {
          await writeMeta(sql, 'trials_id', randomUUID());
          await writeMeta(sql, 'trials_since', String(now));
        }
        return [await readMeta(sql, 'trials_id'), await readMeta(sql, 'trials_since')];
      });
      return new TrialLedger(db, id!, Number(since));
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  /** Counts a trial, or one more run of a known one (whose first result stays). Returns whether it was new. */
  record(trial: NewTrial, now: number): Promise<boolean> {
    return this.recordAll([trial], now).then((added) => added === 1);
  }

  /** Many at once, in one transaction: a sweep. Returns how many were new. `relaxed` as for a database. */
  recordAll(trials: readonly NewTrial[], now: number, options: { readonly relaxed?: boolean } = {}): Promise<number> {
    return this.db.write(async (sql) => {
      let added = 0;
      for (const trial of trials) {
        const key = trialKey(trial);
        if ((await sql.run('UPDATE trials SET runs = runs + 1 WHERE trial_key = ?', [key])) > 0) continue;
        added += await insert(sql, key, trial, now);
      }
      return added;
    }, options);
  }

  /**
   * Sees to it that trials are counted that were run and perhaps counted already: a known one stays as it is, its runs
   * too. Returns how many were new.
   */
  enterAll(trials: readonly NewTrial[], now: number): Promise<number> {
    return this.db.write(async (sql) => {
      let added = 0;
      for (const trial of trials) added += await insert(sql, trialKey(trial), trial, now);
      return added;
    });
  }

  async list(filter: TrialFilter = {}): Promise<readonly Trial[]> {
    const rows = await this.db.read((sql) => select(sql, filter));
    return rows.map(toTrial);
  }

  async count(filter: TrialFilter = {}): Promise<number> {
    return (await this.list(filter)).length;
  }

  async summary(filter: TrialFilter = {}): Promise<TrialSummary> {
    const trials = await this.list(filter);
    const sharpes = trials.map((trial) => trial.sharpe).filter(Number.isFinite);
    const mean = sharpes.reduce((a, b) => a + b, 0) / sharpes.length;
    const squares = sharpes.reduce((a, b) => a + (b - mean) * (b - mean), 0);
    return {
      ledger: this.id,
      since: this.since,
      count: trials.length,
      sharpeVariance: sharpes.length < 2 ? 0 : squares / (sharpes.length - 1),
      bestSharpe: sharpes.length === 0 ? undefined : Math.max(...sharpes),
    };
  }

  close(): Promise<void> {
    return this.db.close();
  }
}

/** 1 where it was new, 0 where it is there. */
function insert(sql: Sql, key: string, trial: NewTrial, now: number): Promise<number> {
  return sql.run(
    `INSERT INTO trials (trial_key, source, instruments, bar_interval, strategy, settings, sharpe, sessions, first_seen,
       runs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (trial_key) DO NOTHING`,
    [
      key,
      trial.source,
      listOf(trial.instruments),
      trial.interval,
      trial.written ?? trial.strategy,
      canonicalJson({ settings: trial.settings ?? null, seed: trial.seed }),
      Number.isFinite(trial.sharpe) ? trial.sharpe : null,
      trial.sessions,
      now,
    ],
  );
}

function select(sql: Sql, filter: TrialFilter): Promise<readonly TrialRow[]> {
  const where: string[] = [];
  const params: string[] = [];
  const equal = (column: string, value: string | undefined) => {
    if (value === undefined) return;
    where.push(`${column} = ?`);
    params.push(value);
  };
  equal('source', filter.source);
  equal('bar_interval', filter.interval);
  equal('instruments', filter.instruments === undefined ? undefined : listOf(filter.instruments));
  const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
  return sql.all(`SELECT * FROM trials ${condition} ORDER BY first_seen, trial_key`, params);
}

function toTrial(row: TrialRow): Trial {
  const { settings, seed } = JSON.parse(row.settings) as { settings: unknown; seed?: number };
  return {
    key: row.trial_key,
    source: row.source,
    instruments: JSON.parse(row.instruments) as string[],
    interval: row.bar_interval,
    strategy: row.strategy,
    settings,
    seed,
    sharpe: row.sharpe ?? Number.NaN,
    sessions: row.sessions,
    firstSeen: row.first_seen,
    runs: row.runs,
  };
}
