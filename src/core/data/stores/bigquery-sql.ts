import type { TableLayout } from '../../clients/google/index.js';

/**
 * Tables and statements of the BigQuery store. A bar is never changed: a correction closes the row that stood
 * (`superseded_in`) and adds a new one with the next `generation`, so that a pinned dataset reads what it read before.
 */
export const BARS = 'bars';
export const SERIES = 'series';

export const BARS_LAYOUT: TableLayout = {
  fields: [
    { name: 'series', type: 'STRING', required: true },
    { name: 'ts', type: 'TIMESTAMP', required: true },
    { name: 'instrument', type: 'STRING', required: true },
    { name: 'source', type: 'STRING' },
    { name: 'feed', type: 'STRING' },
    { name: 'scope', type: 'STRING' },
    { name: 'interval', type: 'STRING' },
    { name: 'open', type: 'FLOAT64' },
    { name: 'high', type: 'FLOAT64' },
    { name: 'low', type: 'FLOAT64' },
    { name: 'close', type: 'FLOAT64' },
    { name: 'volume', type: 'FLOAT64' },
    { name: 'generation', type: 'INT64' },
    { name: 'superseded_in', type: 'INT64' },
    { name: 'commit', type: 'STRING' },
  ],
  partitionBy: 'ts',
  clusterBy: ['instrument', 'ts'],
};

export const SERIES_LAYOUT: TableLayout = {
  fields: [
    { name: 'series', type: 'STRING', required: true },
    /** Key, instrument, basis, density and actions as canonical JSON. */
    { name: 'body', type: 'STRING', required: true },
    { name: 'revision', type: 'INT64', required: true },
  ],
};

const KEY_COLUMNS = ['series', 'instrument', 'source', 'feed', 'scope', 'interval'] as const;

/** Bars of many series on their way into the table of bars. */
export const STAGING_LAYOUT: TableLayout = {
  fields: [
    ...KEY_COLUMNS.map((name) => ({ name, type: 'STRING' as const })),
    { name: 'ts', type: 'TIMESTAMP', required: true },
    ...(['open', 'high', 'low', 'close', 'volume'] as const).map((name) => ({ name, type: 'FLOAT64' as const })),
  ],
  expiresInDays: 1,
};

/** Before any bar; satisfies the partition filter where all of a series is meant. */
export const EVER = "ts >= TIMESTAMP '1800-01-01 00:00:00+00'";

const CHANGED = ['open', 'high', 'low', 'close', 'volume'].map((field) => `C.${field} != S.${field}`).join(' OR ');

/** Rows of many series; instruments are what the table is clustered by. Parameters: series, instruments. */
const OURS = 'series IN UNNEST(@series) AND instrument IN UNNEST(@instruments)';
const WITHIN = 'ts BETWEEN @lo AND @hi';
const LATEST = 'IFNULL(MAX(GREATEST(generation, IFNULL(superseded_in, 0))), 0)';
const INSERTED = [...KEY_COLUMNS, 'ts', 'open', 'high', 'low', 'close', 'volume'].map((name) => `\`${name}\``);

/**
 * One atomic statement for all series of a staging table: rows whose values differ are closed and added again, new ones
 * added, equal ones left alone, so that a repeat changes nothing. Parameters: series, instruments, commit, lo, hi. The
 * bounds are constants, so that only their partitions are read; BigQuery runs concurrent merges of a table in turn.
 */
export const mergeStatement = (staging: string): string => `
MERGE ${BARS} T
USING (
  WITH latest AS (
    SELECT series, ${LATEST} AS generation FROM ${BARS} WHERE ${OURS} AND ${EVER} GROUP BY series
  ),
  changed AS (
    SELECT S.*, C.ts IS NOT NULL AS stood
    FROM ${staging} S
    LEFT JOIN (SELECT * FROM ${BARS} WHERE ${OURS} AND superseded_in IS NULL AND ${WITHIN}) C
    ON C.series = S.series AND C.ts = S.ts
    WHERE C.ts IS NULL OR ${CHANGED}
  )
  SELECT changed.*, IFNULL(latest.generation, 0) + 1 AS next, adds
  FROM changed LEFT JOIN latest ON latest.series = changed.series CROSS JOIN UNNEST([TRUE, FALSE]) AS adds
  WHERE adds OR stood
) S
ON T.series IN UNNEST(@series) AND T.instrument IN UNNEST(@instruments) AND T.ts BETWEEN @lo AND @hi
  AND T.series = S.series AND T.instrument = S.instrument AND T.ts = S.ts AND T.superseded_in IS NULL AND NOT S.adds
WHEN MATCHED THEN UPDATE SET superseded_in = S.next
WHEN NOT MATCHED THEN INSERT (${INSERTED.join(', ')}, generation, superseded_in, commit)
  VALUES (${INSERTED.map((name) => `S.${name}`).join(', ')}, S.next, NULL, @commit)`;

/** What a commit changed, a row a series that it changed. Parameters: series, instruments, commit, lo, hi. */
export const COMMITTED = `
WITH touched AS (
  SELECT series, generation, superseded_in, commit FROM ${BARS} WHERE ${OURS} AND ${WITHIN}
),
ours AS (
  SELECT series, COUNT(*) AS added, MAX(generation) AS generation FROM touched WHERE commit = @commit GROUP BY series
)
SELECT ours.series, ours.added, COUNTIF(touched.superseded_in = ours.generation) AS closed
FROM ours JOIN touched ON touched.series = ours.series GROUP BY 1, 2`;

/** A row a series that has or had bars. Parameters: series, instruments. */
export const SUMMARY = `
SELECT series, COUNTIF(superseded_in IS NULL) AS \`rows\`,
  MIN(IF(superseded_in IS NULL, UNIX_MILLIS(ts), NULL)) AS first_time,
  MAX(IF(superseded_in IS NULL, UNIX_MILLIS(ts), NULL)) AS last_time,
  UNIX_MILLIS(MIN(ts)) AS ever_first,
  UNIX_MILLIS(MAX(ts)) AS ever_last,
  ${LATEST} AS generation
FROM ${BARS} WHERE ${OURS} AND ${EVER} GROUP BY series`;

/** Rows of series. Parameter: series. */
export const SELECT_SERIES = `SELECT series, body, revision FROM ${SERIES} WHERE series IN UNNEST(@series)`;

/** Array parameters side by side, as the columns of a relation: `columns` by parameter. */
export const sideBySide = (columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([parameter, column], k) =>
      k === 0
        ? `UNNEST(@${parameter}) AS ${column} WITH OFFSET AS at0`
        : `JOIN UNNEST(@${parameter}) AS ${column} WITH OFFSET AS at${k} ON at${k} = at0`,
    )
    .join('\n  ');

/** Compare-and-set of many rows. Parameters: series, bodies, revisions (those that the bodies were made from). */
export const SAVE_SERIES = `
MERGE ${SERIES} T
USING (
  SELECT series, body, revision
  FROM ${sideBySide({ series: 'series', bodies: 'body', revisions: 'revision' })}
) S
ON T.series = S.series
WHEN MATCHED AND T.revision = S.revision THEN UPDATE SET body = S.body, revision = T.revision + 1
WHEN NOT MATCHED AND S.revision = 0 THEN INSERT (series, body, revision) VALUES (S.series, S.body, 1)`;

/** Bars of a series as they stood in a generation. Parameters: series, instrument, lo, hi, generation. */
export const SELECT_BARS = `
SELECT UNIX_MILLIS(ts) AS time, open, high, low, close, volume FROM ${BARS}
WHERE series = @series AND instrument = @instrument AND ts >= @lo AND ts < @hi
  AND generation <= @generation AND (superseded_in IS NULL OR superseded_in > @generation)
ORDER BY ts`;

/** Months in which the rows that stand are not what a series may hold. Parameters: series, instrument. */
export const DAMAGE = `
WITH standing AS (
  SELECT ts, COUNT(*) AS n, COUNTIF(open IS NULL OR high IS NULL OR low IS NULL OR close IS NULL OR volume IS NULL
    OR IS_NAN(open) OR IS_NAN(high) OR IS_NAN(low) OR IS_NAN(close) OR IS_NAN(volume)) AS lacking
  FROM ${BARS} WHERE series = @series AND instrument = @instrument AND ${EVER} AND superseded_in IS NULL GROUP BY ts
)
SELECT FORMAT_TIMESTAMP('%Y-%m', ts) AS month, COUNTIF(n > 1) AS doubled, SUM(lacking) AS lacking,
  UNIX_MILLIS(MIN(ts)) AS first_time, UNIX_MILLIS(MAX(ts)) AS last_time
FROM standing GROUP BY month HAVING doubled > 0 OR lacking > 0 ORDER BY month`;

/** Closes all rows of a range. Parameters: series, instrument, lo, hi. */
export const CLOSE_RANGE = `
UPDATE ${BARS} SET superseded_in = (
  SELECT MAX(GREATEST(generation, IFNULL(superseded_in, 0))) + 1 FROM ${BARS}
  WHERE series = @series AND instrument = @instrument AND ${EVER})
WHERE series = @series AND instrument = @instrument AND ts BETWEEN @lo AND @hi AND superseded_in IS NULL`;

/** Superseded rows that no pin names. Parameters: series, instrument, generations (at least one). */
const UNPINNED = `
series = @series AND instrument = @instrument AND ${EVER} AND superseded_in IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM UNNEST(@generations) AS g WHERE generation <= g AND superseded_in > g)`;
export const COUNT_UNPINNED = `SELECT COUNT(*) AS n FROM ${BARS} WHERE ${UNPINNED}`;
export const DELETE_UNPINNED = `DELETE FROM ${BARS} WHERE ${UNPINNED}`;
