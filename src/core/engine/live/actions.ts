import type { CorporateAction } from '../../domain/bars.js';
import type { TradingCalendar } from '../../domain/calendar.js';
import { decimalText } from '../../domain/decimal.js';
import type { Instrument } from '../../domain/instrument.js';
import { lotSize } from '../../domain/quantise.js';
import type { AnnouncedAction } from '../../execution/index.js';
import type { OrderRecord, PositionRecord } from '../../state/index.js';
import type { LiveSettings } from './runner.js';

export interface Holding {
  readonly instrument: string;
  /** Instant of its oldest lot, or of the oldest order where nothing is held yet. */
  readonly since: number;
}

export interface Owned {
  readonly positions: readonly PositionRecord[];
  readonly open: readonly OrderRecord[];
}

/**
 * Corporate actions of a tick, and since then of what is held or ordered, as the journal applies them to what is owned.
 * An entry that rests is scaled or renamed too. `announced`: asked of the source anew, with those of the
 * coming session.
 */
export async function actionRecords(
  settings: LiveSettings,
  told: readonly CorporateAction[],
  owned: Owned,
  closes: Record<string, number>,
  announced = false,
): Promise<readonly AnnouncedAction[]> {
  const { instruments, calendars, fractional } = settings;
  const held = new Map(owned.positions.map(({ instrument, lots }) => [instrument, lots[0]!.time]));
  for (const { instrument, createdAt } of owned.open) if (!held.has(instrument)) held.set(instrument, createdAt);
  const newer = await settings.actions?.(
    [...held].map(([instrument, since]) => ({ instrument, since })),
    announced,
  );
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
function actionRecord(action: CorporateAction, place: ActionPlace): AnnouncedAction {
  const { instrument, date, type } = action;
  const { last, fractional } = place;
  const opens = place.calendar.session(date)?.open;
  const common = {
    ...{ instrument, date, type },
    ...(opens !== undefined && { opens, from: comesIntoForce(place.calendar, opens) }),
  };
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
const comesIntoForce = (calendar: TradingCalendar, open: number): number =>
  (calendar.previousSession(open).close + open) / 2;
