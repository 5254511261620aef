import type { CorporateAction } from '../../domain/bars.js';
import type { TradingCalendar } from '../../domain/calendar.js';
import { decimalText } from '../../domain/decimal.js';
import type { Instrument } from '../../domain/instrument.js';
import { lotSize } from '../../domain/quantise.js';
import type { CorporateActionRecord, OrderRecord, PositionRecord } from '../../state/index.js';
import type { LiveSettings } from './runner.js';

export interface Holding {
  readonly instrument: string;
  /** Instant of its oldest lot, or of the oldest order where nothing is held yet. */
  readonly since: number;
}

/**
 * Corporate actions of a tick, and since then of what is held or ordered, as the journal applies them to what is owned.
 * An entry that rests is scaled or renamed too.
 */
export async function actionRecords(
  settings: LiveSettings,
  told: readonly CorporateAction[],
  owned: { readonly positions: readonly PositionRecord[]; readonly open: readonly OrderRecord[] },
  closes: Record<string, number>,
): Promise<readonly CorporateActionRecord[]> {
  const { instruments, calendars, fractional } = settings;
  const held = new Map(owned.positions.map(({ instrument, lots }) => [instrument, lots[0]!.time]));
  for (const { instrument, createdAt } of owned.open) if (!held.has(instrument)) held.set(instrument, createdAt);
  const newer = await settings.actions?.([...held].map(([instrument, since]) => ({ instrument, since })));
  return [...told, ...(newer ?? [])].map((action) => {
    const j = instruments.findIndex(({ id }) => id === action.instrument);
    const last = closes[action.instrument] ?? 0;
    if (action.type === 'rename') closes[action.becomes] ??= last;
    return actionRecord(action, { instrument: instruments[j]!, calendar: calendars[j]!, fractional, last });
  });
}

/** What an action in the journal depends on beside itself. */
interface ActionPlace {
  readonly instrument: Instrument;
  readonly calendar: TradingCalendar;
  readonly fractional: boolean;
  /** Last price in old units: what a venue pays at a delisting without a price, and for the fraction that a split leaves. */
  readonly last: number;
}

/** An action as the journal applies it to what is owned. */
function actionRecord(action: CorporateAction, place: ActionPlace): CorporateActionRecord {
  const { instrument, date, type } = action;
  const { last, fractional } = place;
  const from = comesIntoForce(place.calendar, date);
  const common = { instrument, date, type, ...(from !== undefined && { from }) };
  switch (action.type) {
    case 'dividend':
      return { ...common, value: decimalText(action.amount) };
    case 'delisting':
      return { ...common, value: decimalText(action.amount ?? last) };
    case 'rename':
      return { ...common, becomes: action.becomes };
    case 'split':
      return {
        ...{ ...common, value: decimalText(action.ratio) },
        ...{ lot: decimalText(lotSize(place.instrument, fractional)), price: decimalText(last / action.ratio) },
      };
  }
}

/** In the night before its session, when no venue trades; of a market that never closes, at the session's open. */
function comesIntoForce(calendar: TradingCalendar, date: string): number | undefined {
  const open = calendar.session(date)?.open;
  return open === undefined ? undefined : (calendar.previousSession(open).close + open) / 2;
}
