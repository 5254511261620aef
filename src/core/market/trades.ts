import { codeOf, TableBuilder } from '../domain/builder.js';

/** Why a position was closed. The number is the code in the columns; the text is what people see. */
export const EXIT_REASONS = [
  'signal',
  'stop_loss',
  'take_profit',
  'trailing_stop',
  'time_stop',
  'risk',
  'end',
  'split',
  'delisting',
] as const;
export type ExitReason = (typeof EXIT_REASONS)[number];
export const exitReasonCode = (reason: ExitReason): number => codeOf(EXIT_REASONS, reason);

const TRADE_FIELDS = [
  'instrument',
  'side',
  'quantity',
  'entryTime',
  'entryPrice',
  'exitTime',
  'exitPrice',
  'grossPnl',
  'costs',
  'carry',
  'pnl',
  'return',
  'barsHeld',
  'exitReason',
] as const;
export type TradeField = (typeof TRADE_FIELDS)[number];

/**
 * Round trips as columns, one row from flat to flat. `side` is 1 or -1; `quantity` the units entered; prices are
 * averages over the fills; `costs` include both sides; `carry` are dividends less borrow fees while it was held; `pnl` =
 * gross + carry - costs; `return` = pnl / entry value; `barsHeld` counts bars from the
 * entry bar (0) to the exit bar; `exitReason` is an index into EXIT_REASONS.
 */
export type TradeColumns = Readonly<Record<TradeField, Float64Array>>;

export const tradeLog = (rows?: number): TableBuilder<TradeField> => new TableBuilder(TRADE_FIELDS, rows);
