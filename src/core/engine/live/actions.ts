import type { CorporateAction } from '../../domain/bars.js';
import type { TradingCalendar } from '../../domain/calendar.js';
import { decimalText } from '../../domain/decimal.js';
import type { Instrument } from '../../domain/instrument.js';
import { lotSize } from '../../domain/quantise.js';
import type { CorporateActionRecord } from '../../state/index.js';

/** What an action in the journal depends on beside itself. */
export interface ActionPlace {
  readonly instrument: Instrument;
  readonly calendar: TradingCalendar;
  readonly fractional: boolean;
  /** Last price in old units: what a venue pays at a delisting without a price, and for the fraction that a split leaves. */
  readonly last: number;
}

/** An action as the journal applies it to what is owned. */
export function actionRecord(action: CorporateAction, place: ActionPlace): CorporateActionRecord {
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
