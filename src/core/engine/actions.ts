import { type CorporateAction, calendarOf, type Instrument, lowerBound } from '../domain/index.js';
import { type VenueAction, venueAction } from '../market/index.js';
import type { EngineEvent } from './events.js';

/** An action that comes into force before the bars of a tick. */
export interface FeedAction {
  readonly tick: number;
  readonly date: string;
  readonly action: VenueAction;
}

/** On one date, a dividend belongs to the old shares, and what ends an instrument comes last. */
const ORDER = { dividend: 0, split: 1, rename: 2, delisting: 3 } as const;

/**
 * Lays actions on the clock: each before the instrument's first bar from the ex-session on, or, where it has none any
 * more, at the first tick after that session's open. Actions without a session or after the last tick are left out.
 */
export function layActions(
  instruments: readonly Instrument[],
  bars: readonly { readonly time: Float64Array }[],
  clock: Float64Array,
  barAt: readonly Int32Array[],
  actions: readonly CorporateAction[],
): FeedAction[] {
  const index = new Map(instruments.map(({ id }, j) => [id, j]));
  const laid: FeedAction[] = [];
  for (const action of actions) {
    const j = index.get(action.instrument);
    const open = j === undefined ? undefined : calendarOf(instruments[j]!.calendar).session(action.date)?.open;
    if (j === undefined || open === undefined) continue;
    const next = lowerBound(bars[j]!.time, open);
    const tick = next < bars[j]!.time.length ? tickOf(barAt[j]!, next) : lowerBound(clock, open + 1);
    const venue = venueAction(action, j, index);
    if (tick < clock.length) laid.push({ tick, date: action.date, action: venue });
  }
  return laid.sort(
    (a, b) =>
      a.tick - b.tick || (a.date < b.date ? -1 : a.date > b.date ? 1 : ORDER[a.action.type] - ORDER[b.action.type]),
  );
}

/** First tick at which bar i is known. */
function tickOf(barAt: Int32Array, i: number): number {
  return barAt.indexOf(i, i);
}

/** The action by ids. */
export function namedAction(names: readonly string[], { date, action }: FeedAction): CorporateAction {
  const instrument = names[action.instrument]!;
  if (action.type === 'rename') return { type: 'rename', instrument, date, becomes: names[action.becomes]! };
  if (action.type === 'split') return { type: 'split', instrument, date, ratio: action.ratio };
  if (action.type === 'dividend') return { type: 'dividend', instrument, date, amount: action.amount };
  return { type: 'delisting', instrument, date, ...(!Number.isNaN(action.amount) && { amount: action.amount }) };
}

export const actionEvent = (time: number, { instrument, type: action }: CorporateAction): EngineEvent => ({
  type: 'action',
  time,
  instrument,
  action,
});
