import type { OrderLeg, OrderStatus, OrderType, Protection, Side } from '../domain/orders.js';
import type { QuantisedTerms } from '../domain/quantise.js';

/** What leases, ownership, client order ids and limits key on. `account` is the venue's own id of the account. */
export interface StrategyScope {
  readonly venue: string;
  readonly account: string;
  readonly strategy: string;
}

export type VenueOrderType = OrderType | 'trailing_stop';
export type TimeInForce = 'day' | 'gtc' | 'opg' | 'cls' | 'ioc' | 'fok';

/** An order as a venue gets it. Quantities and prices are decimal text, already on tick and lot. */
export interface OrderRequest {
  readonly instrument: string;
  readonly side: Side;
  readonly type: VenueOrderType;
  readonly timeInForce: TimeInForce;
  /** Exactly one of quantity and notional; neither for an exit that the venue attached and sizes itself. */
  readonly quantity?: string;
  readonly notional?: string;
  readonly limitPrice?: string;
  readonly stopPrice?: string;
  /** Trailing distance as a fraction of the best price, for `trailing_stop`. */
  readonly trail?: string;
  readonly extendedHours?: boolean;
  /** Exits that the venue itself attaches and arms once the entry has filled. */
  readonly takeProfit?: { readonly limitPrice: string };
  readonly stopLoss?: { readonly stopPrice: string; readonly limitPrice?: string };
  /** Exits relative to the fill price, for venues that compute and hold them (`relativeProtection`). */
  readonly protection?: Protection;
  /**
   * One cancels other, and one triggers other: as in `OrderIntent`. Where the venue works two orders, `quantity` is that
   * of the first alone, and `triggers.quantity` that of the other.
   */
  readonly either?: QuantisedTerms;
  readonly triggers?: { readonly first: number; readonly terms: QuantisedTerms; readonly quantity?: string };
  /** Whether the position may end up on the other side of zero: an order with `false` only reduces. */
  readonly opens?: boolean;
  /** Why it is sent, for the record: signal, time_stop, risk, stop_loss … */
  readonly purpose?: string;
}

/** What is about to be recorded, before its revision and client order id exist. */
export interface NewIntent {
  readonly leg: OrderLeg;
  readonly request: OrderRequest;
  /** The entry that this order protects. */
  readonly parent?: string;
  /** The order that this one replaces (cancel/replace at the venue). */
  readonly replaces?: string;
}

/** An intent with its place among the strategy's orders. */
export interface PlacedIntent extends NewIntent {
  readonly clientOrderId: string;
  readonly slot: number;
  readonly revision: number;
}

/** One intended order and what is known of it. */
export interface OrderRecord extends StrategyScope {
  readonly clientOrderId: string;
  /** Opening of the decision: epoch milliseconds of the slot that it belongs to. */
  readonly slot: number;
  readonly leg: OrderLeg;
  readonly revision: number;
  readonly instrument: string;
  readonly request: OrderRequest;
  readonly parent: string | undefined;
  readonly replaces: string | undefined;
  readonly status: OrderStatus;
  /** The final status that the venue has reported, entered once the executions it counts are booked. */
  readonly closing: OrderStatus | undefined;
  readonly venueOrderId: string | undefined;
  /** Sum of its executions, busts and corrections included; never the venue's own figure. */
  readonly filledQuantity: string;
  /** Average price of its executions; undefined before the first. */
  readonly averagePrice: string | undefined;
  /** The venue's own cumulative figure as last reported. */
  readonly reportedQuantity: string | undefined;
  /** The venue's status word and the reason of a refusal, verbatim. */
  readonly venueStatus: string | undefined;
  readonly reason: string | undefined;
  readonly createdAt: number;
  /** Of the last time that it left. */
  readonly sentAt: number | undefined;
  readonly updatedAt: number;
}

/** What a venue says about one order. */
export interface OrderReport {
  readonly clientOrderId: string;
  readonly status: OrderStatus;
  readonly venueOrderId?: string;
  readonly venueStatus?: string;
  /** The venue's own cumulative filled quantity. */
  readonly reportedQuantity?: string;
  readonly reason?: string;
  /** A full read made after our last request, not a stream event: may end `pending_cancel` and `pending_replace`. */
  readonly authoritative?: boolean;
}

/** An exit that the venue itself attached to an entry, found when reading it back. */
export interface AttachedOrder {
  readonly clientOrderId: string;
  readonly venueOrderId: string;
  readonly leg: OrderLeg;
  readonly request: OrderRequest;
}

/** One execution of an order. A bust takes `refersTo` back; a correction takes it back and stands in its place. */
export interface ExecutionRecord {
  readonly executionId: string;
  readonly clientOrderId: string;
  readonly instrument: string;
  readonly side: Side;
  readonly quantity: string;
  readonly price: string;
  readonly time: number;
  readonly kind: 'fill' | 'bust' | 'correction';
  readonly refersTo?: string;
  /** Commission and fees where the venue states them. */
  readonly costs?: string;
}

export interface FillRecord extends ExecutionRecord, StrategyScope {
  /** Taken back by a later bust or correction. */
  readonly void: boolean;
}

/** What one strategy owns of one instrument: the sum of its own executions and corporate actions. */
export interface PositionRecord extends StrategyScope {
  readonly instrument: string;
  /** Signed. */
  readonly quantity: string;
  /** Average price of the open lots; undefined when flat. */
  readonly averagePrice: string | undefined;
  /** First in, first out, costs included. */
  readonly realised: string;
  /** What is open of it, oldest first. */
  readonly lots: readonly LotRecord[];
  readonly updatedAt: number;
}

/** An open lot: part of a position, from one execution. */
export interface LotRecord {
  readonly executionId: string;
  /** What the order was for. Other than `entry`: an exit has turned the position over. */
  readonly leg: OrderLeg;
  readonly quantity: string;
  readonly price: string;
  readonly time: number;
}

export type TradingState = 'active' | 'reducing' | 'halted';

export interface StrategyState {
  readonly state: TradingState;
  readonly reason: string | undefined;
  readonly since: number | undefined;
}

export interface DecisionRecord {
  readonly slot: number;
  /** Id of the report (or run) whose model decided. */
  readonly report: string;
  readonly time: number;
  /** Targets, verdicts, scores: whatever explains the decision. */
  readonly body: unknown;
}

export type SessionPhase = 'started' | 'ended';

export interface CorporateActionRecord {
  readonly instrument: string;
  readonly date: string;
  /**
   * `fee`: what a venue has kept of a purchase; `units` are left, the rest went for a `price` of nothing. `disposal`: what
   * was traded away outside of the journal, as a person has accepted; `units` are left, nothing is realised.
   */
  readonly type: 'split' | 'dividend' | 'rename' | 'delisting' | 'fee' | 'disposal';
  /** New units per old unit (split), cash per unit (dividend, delisting), as decimal text. */
  readonly value?: string;
  /** The new id (rename). */
  readonly becomes?: string;
  /** The venue keeps whole multiples of it after a split, and pays for the rest at `price`. */
  readonly lot?: string;
  readonly price?: string;
  /** Units left by a fee or a disposal; units held after a split, in journals of earlier releases in place of `lot`. */
  readonly units?: string;
  /** Why a disposal was accepted, and what all strategies of the account owned and the venue held then. */
  readonly reason?: string;
  readonly owned?: string;
  readonly held?: string;
  /** Executions before this instant are in old units, whenever they are booked. Absent: those booked before it. */
  readonly from?: number;
}
