import { type Database, type Migration, migrate, openSqlite } from '../state/index.js';
import type { Article } from './source.js';

/** One version of an article about one instrument; it never changes. */
export interface StoredArticle {
  readonly source: string;
  readonly article: string;
  readonly instrument: string;
  readonly published: number;
  /** From when on a decision may use this text: when it was published, of a later version when it was changed. */
  readonly known_at: number;
  readonly headline: string;
  readonly body: string;
  readonly url: string;
}

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE news (
        source TEXT NOT NULL, article TEXT NOT NULL, instrument TEXT NOT NULL, published BIGINT NOT NULL,
        known_at BIGINT NOT NULL, headline TEXT NOT NULL, body TEXT NOT NULL, url TEXT NOT NULL,
        PRIMARY KEY (source, article, known_at, instrument))`,
      'CREATE INDEX news_by_instrument ON news (instrument, known_at)',
      `CREATE TABLE news_answered (
        source TEXT NOT NULL, instrument TEXT NOT NULL, answered BIGINT NOT NULL, PRIMARY KEY (source, instrument))`,
    ],
  },
];

/** News of a workspace in one SQLite file. The same version once more changes nothing, however many put it. */
export class NewsStore {
  private constructor(private readonly db: Database) {}

  /** STATE where the file is damaged or newer. */
  static async open(path: string): Promise<NewsStore> {
    const db = await openSqlite(path);
    try {
      await db.check();
      await migrate(db, 'news', MIGRATIONS);
    } catch (error) {
      await db.close();
      throw error;
    }
    return new NewsStore(db);
  }

  /** Returns how many rows were not there before, by instrument. */
  put(source: string, articles: readonly Article[]): Promise<ReadonlyMap<string, number>> {
    return this.db.write(async (sql) => {
      const added = new Map<string, number>();
      for (const { id, publishedAt, updatedAt, instruments, headline, body, url } of articles)
        for (const instrument of instruments) {
          const n = await sql.run(
            'INSERT INTO news (source, article, instrument, published, known_at, headline, body, url) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
            [source, id, instrument, publishedAt, updatedAt, headline, body, url],
          );
          added.set(instrument, (added.get(instrument) ?? 0) + n);
        }
      return added;
    });
  }

  /** Until when a source has answered for an instrument; undefined where it never has. */
  async answered(source: string, instrument: string): Promise<number | undefined> {
    const query = 'SELECT answered FROM news_answered WHERE source = ? AND instrument = ?';
    const row = await this.db.read((sql) => sql.get<{ answered: number }>(query, [source, instrument]));
    return row?.answered;
  }

  async noteAnswered(source: string, instruments: readonly string[], to: number): Promise<void> {
    await this.db.write(async (sql) => {
      for (const instrument of instruments)
        await sql.run(
          'INSERT INTO news_answered (source, instrument, answered) VALUES (?, ?, ?) ON CONFLICT (source, instrument) DO UPDATE SET answered = excluded.answered WHERE excluded.answered > news_answered.answered',
          [source, instrument, to],
        );
    });
  }

  /** Everything, by what may be used first; with an instrument only what is about it. */
  all(instrument?: string): Promise<readonly StoredArticle[]> {
    const columns = 'source, article, instrument, published, known_at, headline, body, url';
    const where = instrument === undefined ? '' : ' WHERE instrument = ?';
    return this.db.read((sql) =>
      sql.all<StoredArticle>(
        `SELECT ${columns} FROM news${where} ORDER BY known_at, source, article, instrument`,
        instrument === undefined ? [] : [instrument],
      ),
    );
  }

  close(): Promise<void> {
    return this.db.close();
  }
}
