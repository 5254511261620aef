import { QuantlineError } from '../errors/index.js';
import { canonicalJson } from '../platform/hash.js';
import type { Database, Sql } from './database.js';
import { migrate } from './migrate.js';
import { openDatabase } from './open.js';
import { STUDY_MIGRATIONS } from './sql/studies-schema.js';

/** What the store reads of an event; the rest of it is kept as it is. */
export interface StudyRecord {
  readonly type: string;
  readonly trial: number;
  /** Of a `started` event: kept with the claim, so that a dead worker's trial is given out again as it was. */
  readonly parameters?: unknown;
}

export interface StudyJournalOptions {
  readonly study: string;
  /** What the study searches, JSON. An existing study of this name with another definition is refused (MISMATCH). */
  readonly definition: Readonly<Record<string, unknown>>;
  /** Who works here, and whether another worker is certainly dead (`currentOwner`, `ownerIsGone`). */
  readonly owner: string;
  readonly gone: (owner: string) => boolean;
  readonly now: () => number;
  /** This worker's part of the numbers: those with number mod count = index. Absent: all. */
  readonly share?: { readonly index: number; readonly count: number };
  /** Milliseconds after which a silent worker of another machine counts as dead; `renew` and every event prolong it. */
  readonly ttl?: number;
}

interface ClaimRow {
  readonly trial: number;
  readonly owner: string;
  readonly token: number;
  readonly deadline: number;
  readonly parameters: string | null;
}

const TTL = 10 * 60_000;

/**
 * Journal of one hyperparameter study that any number of processes share: an append-only list of events, and a claim a
 * trial. Each number is given out once, and once more after its worker died; what a worker says about a trial that was
 * given to another meanwhile is dropped. Ends of trials are on the disk when `append` resolves.
 */
export class StudyJournal<E extends StudyRecord, P> {
  /** Token of each trial that this worker holds. */
  private readonly held = new Map<number, number>();

  private constructor(
    private readonly db: Database,
    private readonly options: StudyJournalOptions,
  ) {}

  /** Opens or begins a study at a path (or postgres:// address). STATE where the store is damaged or newer. */
  static async open<E extends StudyRecord, P>(
    location: string,
    options: StudyJournalOptions,
  ): Promise<StudyJournal<E, P>> {
    const db = await openDatabase(location);
    try {
      await db.check();
      await migrate(db, 'studies', STUDY_MIGRATIONS);
      await db.write((sql) => define(sql, options));
    } catch (error) {
      await db.close();
      throw error;
    }
    return new StudyJournal<E, P>(db, options);
  }

  /**
   * A dead worker's trial, or the next number below `limit`; null when there is neither. With a share only its own; once
   * every number has been given out, also what died elsewhere.
   */
  claim(limit: number): Promise<{ readonly trial: number; readonly parameters?: P } | null> {
    const { study, owner, gone, now, share } = this.options;
    return this.db.write(async (sql) => {
      const open = await sql.all<ClaimRow>(
        'SELECT trial, owner, token, deadline, parameters FROM study_trials WHERE study = ? AND finished = 0 ORDER BY trial',
        [study],
      );
      const isDead = (row: ClaimRow) => row.owner === '' || now() >= row.deadline || gone(row.owner);
      const own = share === undefined ? open : open.filter(({ trial }) => trial % share.count === share.index);
      const dead = own.find(isDead);
      if (dead !== undefined) return this.takeOver(sql, dead);
      const trial = await nextNumber(sql, study, share);
      if (trial < limit) {
        await sql.run(
          'INSERT INTO study_trials (study, trial, owner, token, deadline, finished) VALUES (?, ?, ?, 1, ?, 0)',
          [study, trial, owner, this.deadline()],
        );
        this.held.set(trial, 1);
        return { trial };
      }
      const elsewhere = open.find(isDead);
      return elsewhere === undefined || (await unclaimed(sql, study, limit)) > 0 ? null : this.takeOver(sql, elsewhere);
    });
  }

  private async takeOver(sql: Sql, { trial, token, parameters }: ClaimRow) {
    await sql.run('UPDATE study_trials SET owner = ?, token = ?, deadline = ? WHERE study = ? AND trial = ?', [
      ...[this.options.owner, token + 1, this.deadline()],
      ...[this.options.study, trial],
    ]);
    this.held.set(trial, token + 1);
    return { trial, ...(parameters !== null && { parameters: JSON.parse(parameters) as P }) };
  }

  /** Dropped where another worker has the trial by now, or where it has ended. */
  async append(event: E): Promise<void> {
    const { study } = this.options;
    const token = this.held.get(event.trial);
    if (token === undefined) return;
    const finished = event.type === 'finished';
    await this.db.write(
      async (sql) => {
        const parameters = event.parameters === undefined ? null : JSON.stringify(event.parameters);
        const changed = await sql.run(
          `UPDATE study_trials SET deadline = ?, finished = ?, parameters = COALESCE(CAST(? AS TEXT), parameters)
           WHERE study = ? AND trial = ? AND owner = ? AND token = ? AND finished = 0`,
          [this.deadline(), finished ? 1 : 0, parameters, study, event.trial, this.options.owner, token],
        );
        if (changed === 0) return;
        await sql.run(
          `INSERT INTO study_events (study, sequence, body)
           SELECT CAST(? AS TEXT), COALESCE(MAX(sequence), 0) + 1, CAST(? AS TEXT) FROM study_events WHERE study = ?`,
          [study, JSON.stringify(event), study],
        );
      },
      { relaxed: !finished },
    );
    if (finished) this.held.delete(event.trial);
  }

  /** All events after the first `seen`, oldest first. */
  async read(seen: number): Promise<readonly E[]> {
    const rows = await this.db.read(
      (sql) =>
        sql.all<{ body: string }>('SELECT body FROM study_events WHERE study = ? AND sequence > ? ORDER BY sequence', [
          this.options.study,
          seen,
        ]),
      { single: true },
    );
    return rows.map(({ body }) => JSON.parse(body) as E);
  }

  /** Trials that some worker has and has not ended. */
  async running(): Promise<number> {
    const row = await this.db.read(
      (sql) =>
        sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM study_trials WHERE study = ? AND finished = 0', [
          this.options.study,
        ]),
      { single: true },
    );
    return row!.n;
  }

  /** Numbers below `limit` that were never given out. */
  unclaimed(limit: number): Promise<number> {
    return this.db.read((sql) => unclaimed(sql, this.options.study, limit), { single: true });
  }

  /** Says that this worker lives; for trials that take long between two events. */
  async renew(): Promise<void> {
    if (this.held.size === 0) return;
    await this.db.write(
      (sql) =>
        sql.run('UPDATE study_trials SET deadline = ? WHERE study = ? AND owner = ? AND finished = 0', [
          this.deadline(),
          this.options.study,
          this.options.owner,
        ]),
      { relaxed: true },
    );
  }

  /** Gives back the trials that this worker has not ended, for any worker to take. */
  async release(): Promise<void> {
    for (const [trial, token] of this.held) {
      await this.db.write((sql) =>
        sql.run(
          "UPDATE study_trials SET owner = '', deadline = 0 WHERE study = ? AND trial = ? AND owner = ? AND token = ? AND finished = 0",
          [this.options.study, trial, this.options.owner, token],
        ),
      );
    }
    this.held.clear();
  }

  async close(): Promise<void> {
    await this.db.close();
  }

  private deadline(): number {
    return this.options.now() + (this.options.ttl ?? TTL);
  }
}

/** The smallest number that nobody was given, of a share or of all. Shares leave holes for one another. */
async function nextNumber(sql: Sql, study: string, share: StudyJournalOptions['share']): Promise<number> {
  const { index, count } = share ?? { index: 0, count: 1 };
  const row = await sql.get<{ n: number; last: number }>(
    'SELECT COUNT(*) AS n, COALESCE(MAX(trial), -1) AS last FROM study_trials WHERE study = ? AND trial % ? = ?',
    [study, count, index],
  );
  const { n, last } = row!;
  if (n === 0) return index;
  if (last === index + (n - 1) * count) return last + count;
  const rows = await sql.all<{ trial: number }>(
    'SELECT trial FROM study_trials WHERE study = ? AND trial % ? = ? ORDER BY trial',
    [study, count, index],
  );
  const hole = rows.findIndex(({ trial }, i) => trial !== index + i * count);
  return index + hole * count;
}

async function unclaimed(sql: Sql, study: string, limit: number): Promise<number> {
  const row = await sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM study_trials WHERE study = ? AND trial < ?', [
    ...[study, limit],
  ]);
  return Math.max(0, limit - row!.n);
}

async function define(sql: Sql, { study, definition, now }: StudyJournalOptions): Promise<void> {
  const text = canonicalJson(definition);
  const known = await sql.get<{ definition: string }>('SELECT definition FROM studies WHERE study = ?', [study]);
  if (known === undefined) {
    await sql.run('INSERT INTO studies (study, definition, created) VALUES (?, ?, ?)', [study, text, now()]);
    return;
  }
  if (known.definition === text) return;
  const old = JSON.parse(known.definition) as Readonly<Record<string, unknown>>;
  const keys = [...new Set([...Object.keys(old), ...Object.keys(definition)])].sort();
  const differing = keys.filter((key) => canonicalJson(old[key] ?? null) !== canonicalJson(definition[key] ?? null));
  throw new QuantlineError('MISMATCH', `The study "${study}" was begun with another ${differing.join(', ')}.`, {
    hint: 'Run it with the options that it was begun with, or name another study.',
    details: { study, differing },
  });
}
