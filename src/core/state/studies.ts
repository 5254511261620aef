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

  /** A dead worker's trial, or the next number below `limit`; null when there is neither. */
  claim(limit: number): Promise<{ readonly trial: number; readonly parameters?: P } | null> {
    const { study, owner, gone, now } = this.options;
    return this.db.write(async (sql) => {
      const open = await sql.all<ClaimRow>(
        'SELECT trial, owner, token, deadline, parameters FROM study_trials WHERE study = ? AND finished = 0 ORDER BY trial',
        [study],
      );
      const dead = open.find((row) => row.owner === '' || now() >= row.deadline || gone(row.owner));
      if (dead !== undefined) {
        const token = dead.token + 1;
        await sql.run('UPDATE study_trials SET owner = ?, token = ?, deadline = ? WHERE study = ? AND trial = ?', [
          ...[owner, token, this.deadline()],
          ...[study, dead.trial],
        ]);
        this.held.set(dead.trial, token);
        const parameters = dead.parameters === null ? {} : { parameters: JSON.parse(dead.parameters) as P };
        return { trial: dead.trial, ...parameters };
      }
      const last = await sql.get<{ next: number }>(
        'SELECT COALESCE(MAX(trial) + 1, 0) AS next FROM study_trials WHERE study = ?',
        [study],
      );
      const trial = last!.next;
      if (trial >= limit) return null;
      await sql.run(
        'INSERT INTO study_trials (study, trial, owner, token, deadline, finished) VALUES (?, ?, ?, 1, ?, 0)',
        [study, trial, owner, this.deadline()],
      );
      this.held.set(trial, 1);
      return { trial };
    });
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
