/** What can be traded, and the venue's rules for its prices and quantities. */
export type InstrumentClass = 'equity' | 'etf' | 'index' | 'crypto' | 'synthetic';
export type CalendarId = 'XNYS' | '24/7';

/** Price steps by price level, ascending `from`; the last row whose `from` <= price applies. */
export type TickRule = readonly { readonly from: number; readonly tick: number }[];

export interface Instrument {
  readonly id: string;
  readonly class: InstrumentClass;
  readonly calendar: CalendarId;
  /** ISO 4217, or a crypto currency's code. */
  readonly currency: string;
  readonly tickRule: TickRule;
  /** Smallest quantity step of a whole-share order (1 for US equities). */
  readonly lot: number;
  /** Whether quantities below one lot are accepted (then 9 decimals). */
  readonly fractionable: boolean;
  readonly multiplier: number;
  readonly vendorIds: Readonly<Record<string, string>>;
  /** First and last session (YYYY-MM-DD) under this id; absent = unknown. */
  readonly validFrom?: string;
  readonly validTo?: string;
}

/** US equities: a cent from $1, a hundredth of a cent below (SEC Rule 612). */
export const US_EQUITY_TICKS: TickRule = [
  { from: 0, tick: 0.0001 },
  { from: 1, tick: 0.01 },
];

/** An instrument with the usual rules of its calendar: US equity on XNYS, crypto on 24/7. */
export function defaultInstrument(id: string, calendar: CalendarId, overrides: Partial<Instrument> = {}): Instrument {
  const crypto = calendar === '24/7';
  return {
    id,
    class: crypto ? 'crypto' : 'equity',
    calendar,
    currency: 'USD',
    tickRule: crypto ? [{ from: 0, tick: 1e-8 }] : US_EQUITY_TICKS,
    lot: crypto ? 1e-9 : 1,
    fractionable: true,
    multiplier: 1,
    vendorIds: {},
    ...overrides,
  };
}
