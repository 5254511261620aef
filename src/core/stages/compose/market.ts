import type { OpenDataset } from '../../data/dataset.js';
import type { CorporateAction } from '../../domain/bars.js';
import type { TradingCalendar } from '../../domain/calendar.js';
import { calendarOf } from '../../domain/calendars/index.js';
import { intervalMs, isSessionInterval } from '../../domain/interval.js';
import type { Signals } from '../../engine/feed.js';
import { buildFeed, type MarketFeed } from '../../engine/feed.js';
import type { SignalModel } from '../../models/model.js';
import { measureOf, needsMeasure, type Sizing } from '../../risk/index.js';
import { type ActionSeries, type Adjusting, adjustingOf, asOfModel, asOfScorer } from './as-of.js';

/** The calendar whose sessions make returns: the instruments' own, or every day where they differ. */
export function returnCalendar(dataset: Pick<OpenDataset, 'instruments'>): TradingCalendar {
  const ids = new Set(dataset.instruments.map(({ calendar }) => calendar));
  return calendarOf(ids.size === 1 ? [...ids][0]! : '24/7');
}

export const feedOf = (dataset: OpenDataset): MarketFeed =>
  buildFeed(
    dataset.instruments,
    dataset.bars,
    dataset.knownAt,
    returnCalendar(dataset),
    dataset.series.flatMap((series) => ledgerActions(series)),
    dataset.quoteColumns,
  );

/**
 * What a holder meets: splits and dividends where prices are raw, renames and delistings everywhere. An instrument whose
 * last session is known ends there without a word of its own.
 */
export function ledgerActions({ instrument, basis, actions }: ActionSeries): readonly CorporateAction[] {
  const met = actions.filter(({ type }) => basis === 'raw' || type === 'rename' || type === 'delisting');
  const { id, validTo } = instrument;
  if (validTo === undefined || met.some(({ type }) => type === 'rename' || type === 'delisting')) return met;
  const calendar = calendarOf(instrument.calendar);
  const last = calendar.session(validTo) ?? calendar.previousSession(Date.parse(`${validTo}T23:59:59Z`));
  return [...met, { type: 'delisting', instrument: id, date: calendar.nextSession(last.close).date }];
}

/** Bars a year, to annualise what is measured by bar. A usual session lasts 6.5 hours on XNYS, 24 elsewhere. */
export function barsPerYear(dataset: Pick<OpenDataset, 'interval'>, calendar: TradingCalendar): number {
  if (isSessionInterval(dataset.interval)) return calendar.sessionsPerYear;
  const sessionMs = calendar.id === 'XNYS' ? 6.5 * 3_600_000 : 24 * 3_600_000;
  return (calendar.sessionsPerYear * sessionMs) / intervalMs(dataset.interval);
}

/** Scores every bar of every instrument from prices as of the bar, and measures what the sizing asks for. */
export function signalsOf(dataset: OpenDataset, model: SignalModel, sizing: Sizing): Signals {
  const asOf = asOfModel(model, adjustingOf(dataset));
  const scorers = dataset.instruments.map((instrument, j) => asOf.scorer(instrument, dataset.calendars[j]!));
  const scores = dataset.bars.map((bars, j) => {
    const out = new Float64Array(bars.time.length);
    scorers[j]!.consume(bars, 0, out.length, out);
    return out;
  });
  return {
    scores,
    measures: measuresOf(dataset, sizing, adjustingOf(dataset)),
    ...(asOf.seesPosition === true && { inStep: (j, i, weight) => scorers[j]!.scoreAt!(i, weight) }),
  };
}

/** The column by instrument that the sizing asks for, if any. */
export function measuresOf(
  dataset: Pick<OpenDataset, 'bars' | 'calendars' | 'interval'>,
  sizing: Sizing,
  adjusting: Adjusting,
): readonly Float64Array[] | undefined {
  if (!needsMeasure(sizing)) return undefined;
  return dataset.bars.map((bars, j) => {
    const out = new Float64Array(bars.time.length);
    const calendar = dataset.calendars[j]!;
    const begin = () => measureOf(sizing, barsPerYear(dataset, calendar))!;
    asOfScorer(begin, adjusting.get(bars.instrument), calendar).consume(bars, 0, out.length, out);
    return out;
  });
}
