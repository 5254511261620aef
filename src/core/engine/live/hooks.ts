import type { BrokerAccount, BrokerPosition, Unprotected } from '../../execution/index.js';
import type { ExecutionRecord, NewIntent, OrderRecord, PositionRecord } from '../../state/index.js';

/** Orders that are about to become durable, with what a rule may want to know. Prices by instrument: the last closes. */
export interface OrderProposal {
  readonly slot: number;
  readonly time: number;
  readonly intents: readonly NewIntent[];
  readonly closes: Readonly<Record<string, number>>;
  readonly account: BrokerAccount;
  /** What the venue holds for the whole account. */
  readonly venuePositions: readonly BrokerPosition[];
  readonly positions: readonly PositionRecord[];
  readonly open: readonly OrderRecord[];
}

export interface OrderReview {
  readonly intents: readonly NewIntent[];
  /** Per order that was cut or refused, by which rule and why. */
  readonly verdicts: readonly { readonly instrument: string; readonly rule: string; readonly reason: string }[];
}

/** What happens in a session, for whoever wants to tell people. */
export type TradeEvent =
  | { readonly type: 'fill'; readonly execution: ExecutionRecord }
  | { readonly type: 'reject'; readonly order: OrderRecord }
  | { readonly type: 'verdict'; readonly instrument: string; readonly rule: string; readonly reason: string }
  | { readonly type: 'halt'; readonly reason: string }
  | { readonly type: 'missed'; readonly slot: number; readonly count: number; readonly reason: string }
  | { readonly type: 'unprotected'; readonly alarm: Unprotected };

/** Where a caller joins in; nothing here may delay an order for long. */
export interface TradeHooks {
  /** Limits of orders, between decide and the journal. */
  readonly review?: (proposal: OrderProposal) => OrderReview | Promise<OrderReview>;
  /** Told at once, never waited for. */
  readonly notify?: (event: TradeEvent) => void;
}
