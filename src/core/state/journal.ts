import type {
  AttachedOrder,
  CorporateActionRecord,
  DecisionRecord,
  ExecutionRecord,
  FillRecord,
  NewIntent,
  OrderRecord,
  OrderReport,
  OrderRequest,
  PositionRecord,
  SessionPhase,
  StrategyScope,
  StrategyState,
  TradingState,
} from './records.js';

/** One line of the journal. Events are only ever appended. */
export interface JournalEvent {
  /** Position in the whole journal, ascending. */
  readonly position: number;
  /** `venue/account/strategy`, or a name of the caller's. */
  readonly stream: string;
  /** 1, 2, 3 … within the stream. */
  readonly sequence: number;
  readonly type: string;
  readonly time: number;
  readonly body: unknown;
}

/** The right to trade for a strategy, until `deadline`. A later holder has a larger token. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  readonly token: number;
  readonly deadline: number;
}

export interface OrderFilter {
  readonly scope?: StrategyScope;
  readonly venue?: string;
  readonly account?: string;
  /** true: not terminal; false: terminal. */
  readonly open?: boolean;
  readonly slot?: number;
  /** Of this slot and later ones: what is older is not looked at. */
  readonly fromSlot?: number;
  readonly instrument?: string;
  readonly limit?: number;
}

export type FillFilter = Omit<OrderFilter, 'open' | 'slot' | 'fromSlot'> & {
  readonly clientOrderId?: string;
  readonly executionId?: string;
};

/** An entry that was decided and is not ordered: in this account another strategy owns the instrument. */
export interface WithheldEntry {
  readonly instrument: string;
  readonly owner: string;
}

export interface DecisionResult {
  readonly orders: readonly OrderRecord[];
  /** Entries that were left out; the others are recorded. */
  readonly withheld: readonly WithheldEntry[];
  /** Ids of the orders that are marked as leaving. */
  readonly leaving: ReadonlySet<string>;
  /** The slot had been decided before: `orders` are those of then and nothing was recorded. */
  readonly existed: boolean;
}

export interface DecisionOptions {
  /**
   * Which of the intents leave as soon as they are on record: they are marked in the same transaction, as `markSending`
   * does, where the strategy is active; otherwise none is. Default: none.
   */
  readonly leaves?: (intent: NewIntent) => boolean;
  /**
   * Newest event (`head`) when the account was looked at. Where another strategy of the account has recorded orders since,
   * nothing is recorded, MISMATCH with the reason `account_moved`: two that decide at once cannot both pass its limits.
   */
  readonly seen?: number;
}

/**
 * The durable memory of trading. When a method resolves, what it recorded survives the end of the process at any
 * moment; what has to be on record before an order leaves (intents, marks, states, leases taken) and executions survive
 * a power cut as well. The rest (reports, cursors, notes, decisions without orders) does so with the next of these: the
 * venue tells it again, or it is computed again. Times are epoch milliseconds given by the caller. Errors: STATE (damaged, newer, unsuitable, or a fenced lease), STORAGE (disk),
 * MISMATCH (a rule of the order life cycle would be broken), UNAVAILABLE (a server that does not answer).
 */
export interface Journal {
  /** Takes the lease when nobody holds it, its deadline has passed, or `gone(owner)` says that its holder is dead. */
  acquireLease(
    name: string,
    owner: string,
    now: number,
    ttl: number,
    gone?: (owner: string) => boolean,
  ): Promise<Lease | undefined>;
  /** The same token with a later deadline; STATE when another has taken it or the deadline has passed. */
  renewLease(lease: Lease, now: number, ttl: number): Promise<Lease>;
  releaseLease(lease: Lease): Promise<void>;
  /** Who holds it now, if anyone. */
  leaseHolder(name: string, now: number): Promise<Lease | undefined>;

  /**
   * Records the one decision of a slot with all its intents in one transaction, under the lease. Revisions and client
   * order ids are allocated here. What another strategy of the account holds or has ordered is its own: an entry there is
   * withheld. A slot that was decided before is left as it is.
   */
  recordDecision(
    scope: StrategyScope,
    lease: Lease,
    decision: DecisionRecord,
    intents: readonly NewIntent[],
    options?: DecisionOptions,
  ): Promise<DecisionResult>;
  /**
   * Records further orders of a slot: protection, emergency exits, flattening. A leg that already has an order in this
   * slot gets the next revision, which is refused (MISMATCH) while the previous one is neither terminal nor
   * `replaces`d by this one. Entries into what another strategy owns are refused as well.
   */
  recordIntents(
    scope: StrategyScope,
    lease: Lease,
    slot: number,
    intents: readonly NewIntent[],
    now: number,
  ): Promise<readonly OrderRecord[]>;
  /**
   * Marks intents as leaving. Re-reads token and deadline in the same transaction: STATE when either has passed, and
   * then none is marked. Only `intended` orders, or `unknown` ones that are sent again under the same id.
   */
  markSending(clientOrderIds: readonly string[], lease: Lease, now: number): Promise<void>;
  /** Books what a venue said. Statuses never go back: a late or repeated report changes nothing. */
  recordReports(reports: readonly OrderReport[], now: number): Promise<readonly OrderRecord[]>;
  /** Books what a venue has changed in place: the order asks for something else from now on, under the same ids. */
  recordAmendment(clientOrderId: string, request: OrderRequest, now: number): Promise<void>;
  /** Records the exits that a venue attached to an entry, so that their fills are the strategy's. Known ones are skipped. */
  recordAttached(parent: string, orders: readonly AttachedOrder[], now: number): Promise<readonly OrderRecord[]>;
  /** Books executions by id, each once; returns those that were new. Executions of unknown orders are refused. */
  recordExecutions(executions: readonly ExecutionRecord[], now: number): Promise<readonly ExecutionRecord[]>;
  /** Which of these executions of an account are booked, by whichever of its strategies. */
  bookedExecutions(
    account: Pick<StrategyScope, 'venue' | 'account'>,
    executionIds: readonly string[],
  ): Promise<readonly string[]>;
  /** Applies an action to what the strategy owns and to its resting orders' records; once per action. */
  recordCorporateAction(scope: StrategyScope, action: CorporateActionRecord, now: number): Promise<boolean>;

  setState(scope: StrategyScope, state: TradingState, reason: string, now: number): Promise<void>;
  state(scope: StrategyScope): Promise<StrategyState>;
  /** A session of the runner: its start, its end, and whatever it reports. */
  recordSession(scope: StrategyScope, session: string, phase: SessionPhase, body: unknown, now: number): Promise<void>;
  /** Anything else worth keeping: exposure seconds, notes, notifications. */
  note(scope: StrategyScope, type: string, body: unknown, now: number): Promise<void>;
  /** Where reading a venue's executions continues; opaque. */
  cursor(scope: StrategyScope): Promise<string | undefined>;
  setCursor(scope: StrategyScope, cursor: string, now: number): Promise<void>;

  decision(scope: StrategyScope, slot: number): Promise<DecisionRecord | undefined>;
  lastDecision(scope: StrategyScope): Promise<DecisionRecord | undefined>;
  order(clientOrderId: string): Promise<OrderRecord | undefined>;
  /** In the order asked for; ids that do not exist are left out. */
  ordersById(clientOrderIds: readonly string[]): Promise<readonly OrderRecord[]>;
  orderByVenueId(venue: string, account: string, venueOrderId: string): Promise<OrderRecord | undefined>;
  /** The same of several, by the venue's id; those that the journal does not hold are left out. */
  ordersByVenueId(
    venue: string,
    account: string,
    venueOrderIds: readonly string[],
  ): Promise<ReadonlyMap<string, OrderRecord>>;
  /** What an order was when its intent was recorded: a split changes the order, not that. */
  recordedRequest(scope: StrategyScope, clientOrderId: string): Promise<OrderRequest | undefined>;
  /** Ascending by time of creation. */
  orders(filter?: OrderFilter): Promise<readonly OrderRecord[]>;
  fills(filter?: FillFilter): Promise<readonly FillRecord[]>;
  /** Positions that are not flat, of one strategy or of all in an account. */
  positions(
    scope: StrategyScope | { readonly venue: string; readonly account: string },
  ): Promise<readonly PositionRecord[]>;
  /** The position of one instrument, also when flat; undefined where it was never traded. */
  position(scope: StrategyScope, instrument: string): Promise<PositionRecord | undefined>;
  scopes(): Promise<readonly StrategyScope[]>;
  events(filter?: {
    readonly scope?: StrategyScope;
    readonly after?: number;
    readonly types?: readonly string[];
    readonly limit?: number;
  }): Promise<readonly JournalEvent[]>;

  /** Position of the newest event; 0 before the first. */
  head(): Promise<number>;

  /** Does now what a later record would do beside its own work: for the quiet moments before one that is waited for. */
  tidy(): Promise<void>;

  /** Computes all tables again from the events. */
  rebuild(): Promise<void>;
  /** Checks every event and that the tables follow from them; STATE naming what does not. */
  verify(): Promise<{ readonly events: number }>;
  /** Copies the journal to a file that does not exist yet (SQLite only). */
  backup(path: string): Promise<void>;
  close(): Promise<void>;
}

/** Name of the stream and of the lease of a strategy at a venue. */
export const streamOf = (scope: StrategyScope): string =>
  [scope.venue, scope.account, scope.strategy].map(encodeURIComponent).join('/');

export function scopeOf(stream: string): StrategyScope | undefined {
  const parts = stream.split('/').map(decodeURIComponent);
  const [venue, account, strategy] = parts;
  if (parts.length !== 3 || venue === undefined || account === undefined || strategy === undefined) return undefined;
  return { venue, account, strategy };
}
