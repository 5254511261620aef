import { randomUUID } from 'node:crypto';
import { Instant, type Warehouse } from '../../clients/google/index.js';
import type { CorporateAction } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { canonicalJson, idOf } from '../../platform/index.js';
import { contentOf } from '../series/content.js';
import { addRange, missingRanges } from '../series/coverage.js';
import type { PutResult, SeriesMetadata, SeriesPut, StoreContext } from '../store.js';
import { checkColumns } from './bigquery-bars.js';
import { stageBars, untouched } from './bigquery-loads.js';
import { changeSeries, namesOf, readSeries, type SavedMap, type SeriesBody, summaries } from './bigquery-series.js';
import * as sql from './bigquery-sql.js';
import { ACTIONS, mirrorActions } from './bigquery-views.js';

/** One series' part, with what follows from it. */
interface Part extends SeriesPut {
  readonly id: string;
  readonly content: string;
  /** First and last opening instant; before everything where there is no bar. */
  readonly from: number;
  readonly to: number;
}

interface Changed {
  readonly added: number;
  readonly closed: number;
}

/**
 * Puts many series by one free load job and one MERGE. Each series' own row is marked before, and says afterwards what
 * was put: a crash at any point leaves bars that the same put finds as they are.
 */
export async function putAll(
  puts: readonly SeriesPut[],
  warehouse: Warehouse,
  context: StoreContext,
): Promise<readonly PutResult[]> {
  const parts = puts.map(partOf);
  const keys = (some: readonly Part[]) => some.map(({ info }) => info.key);
  let saved = await readSeries(warehouse, keys(parts));
  const open = parts.filter((part) => !isKnown(part, saved.get(part.id)));
  await checkBasis(warehouse, open, saved);
  const unseen = open.filter((part) => part.bars.time.length > 0 && !isLoaded(part, saved.get(part.id)));
  let changed: ReadonlyMap<string, Changed> = new Map();
  const commit = randomUUID();
  if (unseen.length > 0) {
    saved = await mark(warehouse, unseen, saved, commit);
    changed = await merge(unseen, commit, warehouse, context);
  }
  await mirror(warehouse, open, saved, context);
  const byId = new Map(open.map((part) => [part.id, part] as const));
  // After the bars: a crash in between asks for the range again, which changes nothing.
  await changeSeries(warehouse, keys(open), saved, (old, id) => said(old, byId.get(id)!, commit));
  return parts.map(({ id }) => {
    const { added = 0, closed = 0 } = changed.get(id) ?? {};
    return { inserted: added - closed, updated: closed };
  });
}

function partOf(put: SeriesPut): Part {
  const { info, bars } = put;
  checkColumns(info.key, bars);
  const { time } = bars;
  const [from, to] = [time[0] ?? Number.NEGATIVE_INFINITY, time.at(-1) ?? Number.NEGATIVE_INFINITY];
  return { ...put, id: idOf(info.key), content: contentOf(info.key, bars), from, to };
}

const isLoaded = ({ content }: Part, saved: SeriesBody | undefined): boolean =>
  saved?.loaded.some(({ id }) => id === content) === true;

/** Whether nothing has to be done. */
function isKnown(part: Part, saved: SeriesBody | undefined): boolean {
  const { info, bars, covered = [], actions = [] } = part;
  const empty = bars.time.length === 0;
  if (saved === undefined) return empty && covered.length === 0 && actions.length === 0;
  return (
    (empty || isLoaded(part, saved)) &&
    isSame(saved, info) &&
    covered.every((range) => missingRanges(saved.coverage, range).length === 0) &&
    canonicalJson(withActions(saved, actions)) === canonicalJson(saved.actions)
  );
}

const isSame = (saved: SeriesBody, { instrument, density, basis }: SeriesMetadata): boolean =>
  canonicalJson(saved.instrument) === canonicalJson(instrument) && saved.density === density && saved.basis === basis;

async function checkBasis(warehouse: Warehouse, parts: readonly Part[], saved: SavedMap): Promise<void> {
  const other = parts.filter(({ id, info }) => saved.has(id) && saved.get(id)!.basis !== info.basis);
  const standing = await summaries(
    warehouse,
    other.map(({ info }) => info.key),
  );
  for (const { id, info } of other) {
    if (standing(info.key).rows === 0) continue;
    const { basis } = saved.get(id)!;
    throw new QuantlineError(
      'MISMATCH',
      `The stored series of ${info.key.instrument} holds ${basis} prices; these are ${info.basis}.`,
      { hint: `Ingest them with --basis ${basis}, or into another dataset.`, details: { key: info.key } },
    );
  }
}

/** Says that these are being put: what was known to stand in their ranges is not any more. */
function mark(warehouse: Warehouse, parts: readonly Part[], saved: SavedMap, commit: string): Promise<SavedMap> {
  const byId = new Map(parts.map((part) => [part.id, part] as const));
  return changeSeries(
    warehouse,
    parts.map(({ info }) => info.key),
    saved,
    (old, id) => {
      const { info, from, to } = byId.get(id)!;
      return {
        ...{ actions: [], coverage: [], ...old, ...info },
        loaded: untouched(old?.loaded ?? [], from, to),
        putting: commit,
      };
    },
  );
}

/** What each series' row says in the end. */
function said(old: SeriesBody | undefined, part: Part, commit: string): SeriesBody {
  const { info, content: id, from, to } = part;
  const base: SeriesBody = { ...{ actions: [], coverage: [], loaded: [], putting: null }, ...old, ...info };
  return {
    ...base,
    coverage: (part.covered ?? []).reduce(addRange, [...base.coverage]),
    actions: withActions(old, part.actions ?? []),
    // Where another put came in between, whose values stand is not known without looking.
    ...(base.putting === commit && {
      putting: null,
      loaded: [...untouched(base.loaded, from, to), { id, from, to }],
    }),
  };
}

/** One of the same type and date replaces the former. */
function withActions(old: SeriesBody | undefined, more: readonly CorporateAction[]): readonly CorporateAction[] {
  if (more.length === 0) return old?.actions ?? [];
  const merged = new Map([...(old?.actions ?? []), ...more].map((one) => [`${one.date} ${one.type}`, one]));
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

async function merge(
  parts: readonly Part[],
  commit: string,
  warehouse: Warehouse,
  context: StoreContext,
): Promise<ReadonlyMap<string, Changed>> {
  const staging = await stageBars(warehouse, context, parts);
  const parameters = {
    ...namesOf(parts.map(({ info }) => info.key)),
    commit,
    lo: new Instant(parts.reduce((lo, { from }) => Math.min(lo, from), Number.POSITIVE_INFINITY)),
    hi: new Instant(parts.reduce((hi, { to }) => Math.max(hi, to), Number.NEGATIVE_INFINITY)),
  };
  await warehouse.query(sql.mergeStatement(staging), parameters);
  const { rows } = await warehouse.query(sql.COMMITTED, parameters);
  return new Map(
    rows.map((row) => {
      const changed = { added: Number(row['added']), closed: Number(row['closed']) };
      return [String(row['series']), changed] as const;
    }),
  );
}

/** Actions to where views find them, before the series' rows say that they are known: a crash in between does it again. */
async function mirror(
  warehouse: Warehouse,
  parts: readonly Part[],
  saved: SavedMap,
  { clock }: StoreContext,
): Promise<void> {
  const fresh = parts.flatMap(({ id, info, actions = [] }) => {
    const merged = withActions(saved.get(id), actions);
    return canonicalJson(merged) === canonicalJson(saved.get(id)?.actions ?? [])
      ? []
      : [{ key: info.key, actions: merged }];
  });
  if (fresh.length === 0) return;
  await warehouse.ensureTable(ACTIONS.name, ACTIONS.layout, clock.now());
  await mirrorActions(warehouse, fresh);
}
