import { readFile } from 'node:fs/promises';
import type { Warehouse } from '../../clients/google/index.js';
import { type CorporateAction, calendarOf, DAY_MS, parseDate, type SeriesKey } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { idOf } from '../../platform/index.js';
import { putRecords, recordTable } from './bigquery-records.js';
import { sideBySide } from './bigquery-sql.js';

/**
 * Versioned SQL of the warehouse: `sql/<name>.v<version>.sql`. Views are made by `store init`; queries run by
 * `store query :name`. A change of results is a new version of the file.
 */
const VIEWS = { bars_standing: 1, bars_resampled: 1, bars_adjusted: 1 } as const;
const QUERIES = { rolling: 1, ranks: 1 } as const;

/** Sessions of the calendars, by which views resample and actions go ex; `time` is the open. */
export const SESSIONS = recordTable(
  'sessions',
  [
    { name: 'calendar', type: 'STRING' },
    { name: 'date', type: 'STRING' },
    { name: 'close', type: 'TIMESTAMP' },
  ],
  ['calendar'],
);

/** Corporate actions of stored series; `time` is the midnight of the date, `value` a split's ratio or a dividend's amount. */
export const ACTIONS = recordTable(
  'actions',
  [
    ...(['series', 'instrument', 'type', 'date'] as const).map((name) => ({ name, type: 'STRING' as const })),
    { name: 'value', type: 'FLOAT64' },
  ],
  ['series'],
);

const textOf = async (name: string, version: number, { address }: Warehouse): Promise<string> => {
  const text = await readFile(new URL(`./sql/${name}.v${version}.sql`, import.meta.url), 'utf8');
  // The address has letters, digits and dashes only.
  return text.replaceAll('`{dataset}`', `\`${address.project}\`.\`${address.dataset}\``);
};

/** The text of a named query. @throws QuantlineError USAGE where there is none of that name. */
export async function namedQuery(name: string, warehouse: Warehouse): Promise<string> {
  if (Object.hasOwn(QUERIES, name)) return textOf(name, QUERIES[name as keyof typeof QUERIES], warehouse);
  throw new QuantlineError('USAGE', `There is no query :${name}.`, {
    hint: `There are ${Object.keys(QUERIES)
      .map((one) => `:${one}`)
      .join(', ')}.`,
  });
}

const FIRST = '1990-01-01';
const LAST = '2039-12-31';

/** Creates the tables that views need, and the views. */
export async function prepareViews(warehouse: Warehouse, now: number): Promise<void> {
  const calendar = calendarOf('XNYS');
  const sessions = calendar.sessionsBetween(parseDate(FIRST)! * DAY_MS, parseDate(LAST)! * DAY_MS);
  await putRecords(warehouse, now, SESSIONS, {
    id: sessions.map(({ date, close }) => `XNYS ${date} ${close}`),
    time: Float64Array.from(sessions, ({ open }) => open),
    calendar: sessions.map(() => 'XNYS'),
    date: sessions.map(({ date }) => date),
    close: Float64Array.from(sessions, ({ close }) => close),
  });
  await warehouse.ensureTable(ACTIONS.name, ACTIONS.layout, now);
  for (const [name, version] of Object.entries(VIEWS))
    await warehouse.execute(`CREATE OR REPLACE VIEW ${name} AS\n${await textOf(name, version, warehouse)}`);
}

/** Rows of one statement. */
const AT_ONCE = 5000;

/** Keeps the actions of series where views find them: those they have, and no others. */
export async function mirrorActions(
  warehouse: Warehouse,
  all: readonly { readonly key: SeriesKey; readonly actions: readonly CorporateAction[] }[],
): Promise<void> {
  const ever = "time >= TIMESTAMP '1800-01-01 00:00:00+00'";
  const series = all.map(({ key }) => idOf(key));
  await warehouse.query(`DELETE FROM ${ACTIONS.name} WHERE series IN UNNEST(@series) AND ${ever}`, { series }, true);
  const rows = all.flatMap(({ key, actions }, k) =>
    actions.flatMap((action) => {
      // Others change no price.
      if (action.type !== 'split' && action.type !== 'dividend') return [];
      const value = action.type === 'split' ? action.ratio : action.amount;
      return [{ ...action, series: series[k]!, instrument: key.instrument, value }];
    }),
  );
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    const some = rows.slice(at, at + AT_ONCE);
    await warehouse.query(
      `INSERT INTO ${ACTIONS.name} (id, time, series, instrument, type, date, value)
SELECT CONCAT(series, ' ', date, ' ', type), TIMESTAMP_MILLIS(time), series, instrument, type, date, CAST(value AS FLOAT64)
FROM ${sideBySide({ series: 'series', instruments: 'instrument', types: 'type', dates: 'date', times: 'time', values: 'value' })}`,
      {
        series: some.map((row) => row.series),
        instruments: some.map(({ instrument }) => instrument),
        types: some.map(({ type }) => type),
        dates: some.map(({ date }) => date),
        times: some.map(({ date }) => parseDate(date)! * DAY_MS),
        values: some.map(({ value }) => value),
      },
      true,
    );
  }
}
