import type { CorporateAction } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument, InstrumentClass } from '../domain/instrument.js';
import type { OrderLeg, OrderStatus, Side } from '../domain/orders.js';
import type { Quote } from '../domain/quote.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import type { BarPath, ExchangeListener, ExchangeSettings } from '../market/index.js';
import type { Clock, Logger } from '../platform/index.js';
import type { OrderRequest, TimeInForce, VenueOrderType } from '../state/records.js';

export type { OrderRequest, TimeInForce, VenueOrderType } from '../state/records.js';

/** What every adapter's `create(settings, context)` is given. */
export interface BrokerContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keys and vendor variables by their usual names. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Real money instead of the vendor's paper environment. The guards of --live are the trade stage's. */
  readonly live: boolean;
  /** Folder for state that processes share (rate budgets, tokens, the simulated venue's book). */
  readonly stateDir: string;
  /** Told once when a login that a person has to renew ends within a day, for notifications. */
  readonly onExpiring?: (message: string, expiresAt: number) => void;
  /** Once it aborts the command ends: requests under way are given up within seconds. */
  readonly ending?: AbortSignal;
  /** What the report trades. */
  readonly instruments?: readonly Instrument[];
  readonly calendar?: TradingCalendar;
  /** Simulated venues: how they fill and what they charge; its cash is that of a new account only. */
  readonly exchange?: ExchangeSettings;
  /** Simulated venues: fractions of a share, where the instrument has them. Default: yes. */
  readonly fractional?: boolean;
  /** Simulated venues: told about orders and fills as they happen, before they are read back. */
  readonly listener?: ExchangeListener;
}

/** What a venue can do itself. What it cannot, the runner does by watching. */
export interface BrokerCapabilities {
  /** The venue keeps client order ids and refuses a second order with the same one: sending again is safe. */
  readonly clientOrderIds: boolean;
  readonly orderTypes: ReadonlySet<VenueOrderType>;
  readonly timesInForce: ReadonlySet<TimeInForce>;
  /** Orders by amount of money. */
  readonly notional: boolean;
  /** Such amounts also for orders at a price; absent: market orders only. */
  readonly notionalLimits?: boolean;
  /** Decimals of such an amount; absent: any. */
  readonly notionalDecimals?: number;
  /** The venue cuts such an amount to whole units itself where fractions are not traded. */
  readonly cutsNotional?: boolean;
  readonly fractional: boolean;
  /** Orders of fractions and by amount last for the day only. */
  readonly fractionalDayOnly?: boolean;
  /** When orders for the opening auction (`opg`) are taken, in ms before the open; absent: never. */
  readonly atTheOpen?: { readonly from: number; readonly until: number };
  readonly short: boolean;
  readonly extendedHours: boolean;
  /** Exits attached to an entry (bracket), armed when the entry is complete. */
  readonly attachedProtection: boolean;
  /** Two exits of which one cancels the other. */
  readonly oco: boolean;
  /**
   * Entries of two orders, of which one cancels or triggers the other (`OrderRequest.either` and `.triggers`): worked as
   * one order that changes its terms, or as two that the venue itself ties together. Absent: not taken.
   */
  readonly pairedEntries?: 'one-order' | 'two-orders';
  readonly trailingStop: boolean;
  /** Classes of instruments whose exits the venue does not hold. */
  readonly noExitsFor?: ReadonlySet<InstrumentClass>;
  /** By class: the largest part of a purchase that the venue keeps in the bought thing itself, as its fee. */
  readonly feeInKind?: ReadonlyMap<InstrumentClass, string>;
  /** Prices of resting orders are changed in place (`replace` or `amend`). */
  readonly replace: boolean;
  readonly stream: boolean;
  /** Takes `OrderRequest.protection`: stop and target as fractions of the fill price, computed and held by the venue. */
  readonly relativeProtection?: boolean;
}

/** One clock instant of our own market data: the bars that became known then, in the order of the instruments. */
export interface MarketTick {
  readonly time: number;
  /** Corporate actions that come into force before these bars. */
  readonly actions?: readonly CorporateAction[];
  readonly bars: readonly {
    readonly instrument: string;
    /** Index of the bar in the instrument's series. */
    readonly index: number;
    readonly time: number;
    readonly open: number;
    readonly high: number;
    readonly low: number;
    readonly close: number;
    readonly volume: number;
    /** Distance of ask and bid as a fraction of the price, for fills that depend on it. */
    readonly spread?: number;
    /** Nothing was traded in it, although the series counts volume: a halt. */
    readonly halted?: true;
    /** The finer bars that it is made of, where fills follow them. */
    readonly path?: BarPath;
  }[];
}

/** Money as decimal text in `currency`. */
export interface BrokerAccount {
  readonly id: string;
  readonly currency: string;
  readonly cash: string;
  readonly equity: string;
  readonly buyingPower: string;
  /** Equity at the previous close, for daily loss limits; undefined where the venue does not tell. */
  readonly lastEquity: string | undefined;
  readonly blocked: boolean;
  /** Why, where blocked. */
  readonly reason?: string;
  readonly shortingEnabled: boolean;
  /** Day trades of the last five sessions, those by hand included; absent: the venue does not count them. */
  readonly dayTrades?: number;
  /** Real money, or a venue's paper environment. */
  readonly paper: boolean;
}

/** The venue's own time and session. */
export interface BrokerClock {
  readonly now: number;
  readonly open: boolean;
  readonly nextOpen: number | undefined;
  readonly nextClose: number | undefined;
}

/** What the venue says about trading one instrument now. */
export interface BrokerAsset {
  readonly instrument: string;
  /** Where the venue says it. */
  readonly class?: InstrumentClass;
  readonly tradable: boolean;
  readonly shortable: boolean;
  readonly fractionable: boolean;
  readonly halted?: boolean;
}

export interface BrokerPosition {
  readonly instrument: string;
  /** Signed decimal text. */
  readonly quantity: string;
  readonly averagePrice: string | undefined;
  readonly marketPrice: string | undefined;
}

/** The order that another one hangs on (an exit on its entry, the second of a pair on the first), and what it is for. */
export interface Attachment {
  readonly clientOrderId: string;
  readonly leg: OrderLeg;
}

export interface BrokerOrder {
  readonly venueOrderId: string;
  /** undefined for orders from elsewhere and at venues without such ids. */
  readonly clientOrderId: string | undefined;
  readonly instrument: string;
  readonly side: Side;
  readonly type: VenueOrderType | 'other';
  /** `unknown` for a word that the adapter does not know: the order counts as open. */
  readonly status: OrderStatus;
  /** The venue's own word. */
  readonly venueStatus: string;
  readonly quantity: string | undefined;
  readonly notional: string | undefined;
  readonly filledQuantity: string;
  readonly averagePrice: string | undefined;
  readonly limitPrice: string | undefined;
  readonly stopPrice: string | undefined;
  readonly submittedAt: number | undefined;
  readonly updatedAt: number | undefined;
  readonly replacedBy?: string;
  readonly replaces?: string;
  readonly reason?: string;
  /** The venue keeps no record any more: it is over for certain, and whether it filled is not known. */
  readonly presumed?: boolean;
  /** Attached exits, held ones included. */
  readonly legs?: readonly BrokerOrder[];
  /** Where the venue says it of the order itself: it may be shown without the one that it hangs on. */
  readonly attachedTo?: Attachment;
}

/** `kind` as in the journal: a bust takes an execution back, a correction replaces it. */
export interface BrokerExecution {
  readonly executionId: string;
  readonly venueOrderId: string;
  readonly clientOrderId: string | undefined;
  readonly instrument: string;
  readonly side: Side;
  readonly quantity: string;
  readonly price: string;
  readonly time: number;
  readonly kind: 'fill' | 'bust' | 'correction';
  readonly refersTo?: string;
  readonly costs?: string;
  /** As of its order, where the venue says it of an execution. */
  readonly attachedTo?: Attachment;
}

export interface ExecutionPage {
  readonly executions: readonly BrokerExecution[];
  /** Where the next read continues; reading an overlap again is harmless. */
  readonly cursor: string;
}

export type BrokerEvent =
  | { readonly type: 'order'; readonly order: BrokerOrder; readonly execution?: BrokerExecution }
  | { readonly type: 'execution'; readonly execution: BrokerExecution }
  /** After a (re)connection: orders and executions have to be read again, events may be missing. */
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly reason: string };

/** Helps a venue without client order ids to find an order again. */
export interface OrderHint {
  readonly request: OrderRequest;
  readonly sentAt: number;
  readonly venueOrderId?: string;
  /** Its terms as they were recorded: a split since then may have changed them here, at the venue, or at both. */
  readonly recorded?: OrderRequest;
  /** Whether an order of the venue is known to be another one: it is not taken for this one, however alike they are. */
  readonly isOther?: (venueOrderId: string) => Promise<boolean>;
}

/**
 * A venue that takes orders. All quantities and prices are decimal text. A failed read throws (UNAVAILABLE,
 * CREDENTIALS …); it never looks like an empty answer. Implementations in `brokers/`, all under one contract suite.
 */
export interface Broker {
  /** Name for the journal: one per vendor and environment, such as `alpaca-paper`. */
  readonly venue: string;
  readonly capabilities: BrokerCapabilities;
  account(): Promise<BrokerAccount>;
  clock(): Promise<BrokerClock>;
  asset(instrument: string): Promise<BrokerAsset>;
  positions(): Promise<readonly BrokerPosition[]>;
  /** What instruments are quoted at now; those that the venue has no quote of are left out. Absent: it has none. */
  quotes?(instruments: readonly string[]): Promise<readonly Quote[]>;
  /** All open orders of the account, other people's and attached legs included. */
  openOrders(): Promise<readonly BrokerOrder[]>;
  /** undefined only where the venue knows for certain that there is no such order. */
  orderByClientId(clientOrderId: string, hint?: OrderHint): Promise<BrokerOrder | undefined>;
  orderByVenueId(venueOrderId: string): Promise<BrokerOrder | undefined>;
  /** Sends once; never retries. Errors carry a `SendOutcome` (see `sendError`). */
  submit(request: OrderRequest, clientOrderId: string): Promise<BrokerOrder>;
  /** Asks for a cancel. Resolves when the venue took the request, or the order is already done. */
  cancel(venueOrderId: string): Promise<void>;
  /** Changes price or quantity in place; the venue's new order carries `clientOrderId`. */
  replace?(venueOrderId: string, request: OrderRequest, clientOrderId: string): Promise<BrokerOrder>;
  /** Moves the prices of a resting order, which stays the same order under the same ids. Asking twice is harmless. */
  amend?(venueOrderId: string, request: OrderRequest): Promise<BrokerOrder>;
  executions(cursor: string | undefined): Promise<ExecutionPage>;
  /**
   * Simulated venues trade against our own bars: the runner tells each tick once, in order, before it reads anything of
   * that tick. Ticks at or before `lastTick` are known already and change nothing.
   */
  onTick?(tick: MarketTick): Promise<void>;
  /** Time of the last tick that the venue's book contains; undefined before the first. */
  lastTick?(): Promise<number | undefined>;
  /** Ends when the signal aborts; reconnects by itself. */
  events?(signal: AbortSignal): AsyncIterable<BrokerEvent>;
  /** Blocks and unblocks new orders at the venue itself. */
  suspend?(on: boolean): Promise<void>;
  /** So many orders may leave together in a few seconds: opens what that takes. Fails with nothing; they meet it. */
  prepare?(orders: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * What is known after a failed send. `rejected`: the venue refused, there is no order. `not_sent`: nothing left, or the
 * venue said try later (429). `duplicate`: an order with this client id exists already. `ambiguous`: anything else.
 */
export type SendOutcome = 'rejected' | 'not_sent' | 'duplicate' | 'ambiguous';

export function sendError(
  outcome: SendOutcome,
  message: string,
  options: {
    readonly hint?: string;
    readonly cause?: unknown;
    readonly retryAt?: number;
    readonly reason?: string;
  } = {},
): QuantlineError {
  const { hint, cause, retryAt, reason } = options;
  return new QuantlineError(outcome === 'rejected' ? 'REFUSED' : 'UNAVAILABLE', message, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
    details: { outcome, ...(retryAt === undefined ? {} : { retryAt }), ...(reason === undefined ? {} : { reason }) },
  });
}

/** The outcome that an error of `submit` stands for; what is not known to be harmless is ambiguous. */
export function sendOutcome(error: unknown): SendOutcome {
  const outcome = isQuantlineError(error) ? error.details['outcome'] : undefined;
  return outcome === 'rejected' || outcome === 'not_sent' || outcome === 'duplicate' ? outcome : 'ambiguous';
}
