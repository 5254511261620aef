import type { BarColumns } from '../domain/bars.js';
import type { OrderIntent, Protection } from '../domain/orders.js';
import { FRACTIONAL_STEP } from '../domain/quantise.js';
import { OrderBook } from './book.js';
import { CostModel } from './costs.js';
import { Ledger } from './ledger.js';
import { electedIn, openFor, referenceOf } from './matching.js';
import { closingOrder, dueQuantity, isOwnTarget, trigger, type VenueOrder, venueOrder } from './orders.js';
import { type ClosingTerms, ProtectionState } from './protection.js';
import { type Candle, copyCandle, readCandle } from './reference.js';
import type { ExchangeSnapshot } from './snapshot.js';
import type { ExitReason } from './trades.js';
import { BarUnderway } from './underway.js';
import { type ExchangeListener, type ExchangeSettings, type Fill, type Rounding, refusal } from './venue.js';

const AT_MARKET: ClosingTerms = { leg: 'exit', type: 'market', limitPrice: Number.NaN, stopPrice: Number.NaN };

/**
 * A venue that trades against bars: working orders, attached protection, fills, costs, ledger. Both runners use it: the
 * backtest calls `onBar` in its loop, the paper broker keeps its snapshot on disk. Deterministic; no clock of its own.
 */
export class SimulatedExchange {
  readonly ledger: Ledger;
  /** What an instrument's next bar may do: 0 nothing, 1 reach the protection of its position, 2 fill a working order. */
  readonly busy: Uint8Array;
  /** Counts changes of the book and of positions: equal numbers mean that nothing moved. */
  revision = 0;
  /** Counts those after which an order or a position has begun, ended or been elected: not the parts between. */
  moves = 0;
  /** 1 where the last moves were; whoever reads it sets it back. */
  readonly changed: Uint8Array;
  /** Largest share of a bar's volume that any fill used. */
  largestShare = 0;

  private readonly costs: CostModel;
  private readonly book: OrderBook;
  private readonly protection: (ProtectionState | undefined)[];
  private nextSequence = 1;
  private readonly now: BarUnderway;

  /** `trades`: round trips to make room for at first. */
  constructor(
    readonly size: number,
    readonly settings: ExchangeSettings,
    readonly rounding: Rounding,
    readonly listener: ExchangeListener,
    trades?: number,
  ) {
    this.ledger = new Ledger(size, settings.cash, trades);
    this.busy = new Uint8Array(size);
    this.changed = new Uint8Array(size).fill(1);
    this.costs = new CostModel(settings.costs);
    this.now = new BarUnderway(settings.slippage);
    this.book = new OrderBook(size);
    this.protection = new Array<ProtectionState | undefined>(size).fill(undefined);
  }

  /** Accepts or rejects an order; it can fill from the first bar that opens at or after `time`. */
  submit(
    instrument: number,
    intent: OrderIntent,
    time: number,
    reason: ExitReason = 'signal',
    clientId = '',
  ): VenueOrder {
    const order = venueOrder(this.nextSequence++, instrument, intent, time, reason, clientId);
    const why = refusal(order, this.settings);
    if (why !== '') {
      order.status = 'rejected';
      order.note = why;
    } else {
      // An exit outranks what is left of an entry (a position being closed must not grow) and of a target.
      if (order.leg === 'exit') this.giveWay(instrument);
      this.book.add(order);
      this.busy[instrument] = 2;
      this.moved(instrument);
    }
    this.listener.onOrder(order);
    return order;
  }

  cancel(order: VenueOrder, note = 'canceled'): boolean {
    if (!this.book.remove(order)) return false;
    this.moved(order.instrument);
    order.status = 'canceled';
    order.note = note;
    this.refreshBusy(order.instrument);
    this.listener.onOrder(order);
    return true;
  }

  /** Working orders of one instrument, oldest first. */
  orders(instrument: number): readonly VenueOrder[] {
    return this.book.orders(instrument);
  }

  /** All working orders. */
  working(): readonly VenueOrder[] {
    return this.book.all();
  }

  /** The strategy's signal has asked for something else since protection closed a position. */
  endLockout(j: number): void {
    this.ledger.lockout[j] = 0;
    this.moved(j);
  }

  protectionOf(instrument: number): ProtectionState | undefined {
    return this.protection[instrument];
  }

  /** Lets one bar of one instrument happen. `index` counts that instrument's bars. */
  onBar(j: number, index: number, candle: Candle): void {
    copyCandle(candle, this.now.candle);
    this.happen(j, index);
  }

  /** The same for a row of columns; `spread` as in `Candle`. */
  onRow(j: number, index: number, bars: BarColumns, row: number, spread = 0): void {
    readCandle(bars, row, spread, this.now.candle);
    this.happen(j, index);
  }

  private happen(j: number, index: number): void {
    const { now } = this;
    const bar = now.candle;
    bar.previousClose = this.ledger.mark[j]!;
    now.index = index;
    now.taken = 0;
    const protectedBefore = this.protection[j] !== undefined;
    if (protectedBefore) this.testGap(j);
    const entry = this.book.orders(j).length > 0 ? this.fillWorking(j) : 0;
    const state = this.protection[j];
    if (state !== undefined) {
      const side = Math.sign(this.ledger.quantity[j]!);
      if (this.settings.fill.insideBar !== true || state.isReached(side, bar)) {
        this.testProtection(j, state, entry !== 2 || protectedBefore);
      }
      this.protection[j]?.trailTo(side, bar);
    }
    this.ledger.mark[j] = bar.close;
    this.refreshBusy(j);
  }

  /** A bar without a trade: nothing fills, no exit is reached or moved, orders stay. */
  onHalt(j: number, close: number): void {
    this.ledger.mark[j] = close;
  }

  /** Closes every position at the given mark: the end of a backtest that was asked to do so. */
  closeAt(j: number, index: number, time: number, price: number, reason: ExitReason): void {
    const quantity = this.ledger.quantity[j]!;
    if (quantity === 0) return;
    this.cancelAll(j, 'end of test');
    this.now.candle.time = time;
    this.now.candle.volume = Number.POSITIVE_INFINITY;
    this.now.index = index;
    const order = this.closing(j, AT_MARKET, reason);
    this.fill(order, this.now.filling(price, Math.abs(quantity)));
  }

  cancelAll(j: number, note: string): void {
    for (const order of [...this.book.orders(j)]) this.cancel(order, note);
  }

  /** 0 nothing entered, 1 entered at the open, 2 entered inside the bar. */
  private fillWorking(j: number): 0 | 1 | 2 {
    const list = this.book.orders(j);
    const bar = this.now.candle;
    const { fill } = this.settings;
    let entered: 0 | 1 | 2 = 0;
    // Exits first: a reversal's exit frees the money that its entry needs.
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < list.length; k++) {
        const order = list[k]!;
        if ((order.leg === 'entry' ? 1 : 0) !== pass || bar.time < order.submitted) continue;
        // A reversal's entry waits until the position is closed: no fill crosses zero.
        if (pass === 1 && order.side * this.ledger.quantity[j]! < 0) continue;
        // The rest of a target fills by `testProtection`, where the stop beside it goes first.
        if (pass === 0 && isOwnTarget(order) && this.protection[j] !== undefined) continue;
        const price = referenceOf(order, bar, fill);
        if (Number.isNaN(price)) {
          if (order.type === 'stop_limit' && electedIn(order, bar)) this.elect(order);
          continue;
        }
        // Reached, a stop is a market order, also for what this bar's volume leaves of it.
        if (order.type === 'stop' && order.either === undefined) this.elect(order);
        const before = fill.beforeBar === true && order.type === 'market';
        const filled = before ? this.fillBefore(order, price) : this.tryFill(order, price);
        if (pass === 1 && filled) entered = before || price === openFor(fill, order.side, bar) ? 1 : 2;
      }
    }
    this.book.keepOpen(j);
    return entered;
  }

  private elect(order: VenueOrder): void {
    if (!order.triggered) this.moved(order.instrument);
    order.triggered = true;
  }

  /** A fill at the close that the order was decided on: it belongs to that instant and to the bar before. */
  private fillBefore(order: VenueOrder, price: number): boolean {
    const { time } = this.now.candle;
    this.now.candle.time = order.submitted;
    this.now.index--;
    const filled = this.tryFill(order, price);
    this.now.candle.time = time;
    this.now.index++;
    return filled;
  }

  private tryFill(order: VenueOrder, reference: number): boolean {
    const { now } = this;
    const j = order.instrument;
    const entry = order.leg === 'entry';
    const isLimit = order.type === 'limit' || order.type === 'stop_limit';
    const available = now.available();
    let price = isLimit ? reference : now.unsized(order.side, reference, entry);
    if (Number.isNaN(order.quantity)) {
      const quantity = this.resolveNotional(order, price);
      if (quantity <= 0) return this.reject(order, 'too small to trade');
      order.quantity = quantity;
    }
    const rest = dueQuantity(order, this.rounding) - order.filled;
    const held = entry ? Number.POSITIVE_INFINITY : Math.abs(this.ledger.quantity[j]!);
    const byQuantity = entry && Number.isNaN(order.notional);
    // Where the bar has less than that, rounding its share alone gives the same.
    const scarce = rest > available && held > available && !byQuantity;
    let quantity = scarce ? rest : this.rounding.quantity(j, rest) || rest;
    if (byQuantity) {
      const needed = quantity * price + this.costs.ofFill(order.side, now.filling(price, quantity), order.filled === 0);
      if (needed > this.ledger.buyingPower(this.settings.leverage) * (1 + 1e-12)) {
        return this.reject(order, 'insufficient buying power');
      }
    }
    // What was filled so far carries the noise of its sum, which must not leave one step of a finest grid behind.
    if (quantity > held - 2 * FRACTIONAL_STEP) quantity = held;
    if (order.first === 0 && !Number.isNaN(order.notional)) {
      // The rest was sized at the price of the first part: a dearer one must not borrow.
      quantity = Math.min(quantity, this.affordable(order, this.ledger.buyingPower(this.settings.leverage), price));
    }
    if (quantity > available) quantity = this.rounding.quantity(j, available);
    if (quantity <= 0) {
      if (held === 0) return this.reject(order, 'nothing to close');
      if (order.triggers !== undefined && dueQuantity(order, this.rounding) === 0)
        return this.reject(order, 'too small to trade');
      return false;
    }
    if (!isLimit && now.capped) price = now.slipped(order.side, reference, quantity, entry);
    this.fill(order, now.filling(price, quantity));
    return true;
  }

  private resolveNotional(order: VenueOrder, price: number): number {
    const power = this.ledger.buyingPower(this.settings.leverage);
    const money = order.share > 0 ? order.share * power : Math.min(order.notional, power);
    return this.affordable(order, money, price);
  }

  private affordable({ instrument }: VenueOrder, money: number, price: number): number {
    return this.rounding.quantity(instrument, this.costs.quantityFor(money, price, this.now.candle.time));
  }

  private fill(order: VenueOrder, done: Fill): void {
    const j = order.instrument;
    const { price, quantity, share } = done;
    const costs = this.costs.ofFill(order.side, done, order.filled === 0);
    done.costs = costs;
    if (share > this.largestShare && this.now.candle.volume > 0) this.largestShare = share;
    this.now.taken += quantity;
    const before = this.ledger.quantity[j]!;
    const further = before !== 0 && order.filled > 0;
    order.filled += quantity;
    order.filledValue += quantity * price;
    order.costs += costs;
    order.status = order.quantity - order.filled <= 1e-9 ? 'filled' : 'partially_filled';
    order.either = undefined;
    const triggers = order.triggers !== undefined && dueQuantity(order, this.rounding) - order.filled <= 1e-9;
    if (triggers) trigger(order);
    this.ledger.book(j, order.side, done, this.now.index, order.reason);
    const left = this.ledger.quantity[j]!;
    if (before !== 0 && left !== 0) this.ledger.quantity[j] = Math.sign(left) * this.rounding.sum(j, Math.abs(left));
    if (further && left !== 0 && order.status !== 'filled' && !triggers) this.revision++;
    else this.moved(j);
    this.listener.onFill(order, done);
    this.listener.onOrder(order);
    if (left === 0) this.protection[j] = undefined;
    else if (order.leg === 'entry' && order.protection !== undefined) {
      const state = this.protection[j] ?? this.protect(j, order.protection);
      state.arm(order.side, this.ledger.entryPrice[j]!);
      this.protection[j] = state;
    }
  }

  /** A bar that opens beyond the stop closes the position there; what is left of its entry must not be bought as well. */
  private testGap(j: number): void {
    const state = this.protection[j]!;
    const side = Math.sign(this.ledger.quantity[j]!);
    // The opposite entry of a reversal is no rest of this position: its exit fills at the same open.
    if (state.opensBeyondStop(side, this.now.candle) && this.book.enters(j, side)) this.testProtection(j, state, true);
  }

  private testProtection(j: number, state: ProtectionState, targetAllowed: boolean): void {
    const position = this.ledger.quantity[j]!;
    const side = Math.sign(position);
    if (side === 0 || !state.test(side, this.now.candle, this.settings.fill, targetAllowed)) return;
    const { price, reason, marketable } = state.hit;
    const rest = marketable ? undefined : this.book.orders(j).find(isOwnTarget);
    if (rest === undefined) this.cancelAll(j, `position closed by ${reason}`);
    const order = rest ?? this.closing(j, state.closingTerms(), reason);
    const held = Math.abs(position);
    order.quantity = order.filled + held;
    const available = this.now.available();
    const quantity = available >= held ? held : this.rounding.quantity(j, available);
    if (quantity > 0) {
      const at = marketable ? this.now.slipped(order.side, price, quantity, false) : price;
      this.fill(order, this.now.filling(at, quantity));
    }
    if (rest !== undefined) this.book.keepOpen(j);
    else if (order.status !== 'filled') this.book.add(order);
    // More than the bar's volume allows. What is left of a target works beside the stop, that of a stop is a market order.
    order.triggered = marketable;
    if (marketable) this.protection[j] = undefined;
  }

  /** The venue's own order for all of a position. */
  private closing(j: number, terms: ClosingTerms, reason: ExitReason): VenueOrder {
    const order = closingOrder(this.nextSequence++, j, this.ledger.quantity[j]!, terms, this.now.candle.time, reason);
    this.listener.onOrder(order);
    return order;
  }

  private protect(j: number, spec: Protection): ProtectionState {
    return new ProtectionState(spec, this.rounding, j);
  }

  private reject(order: VenueOrder, note: string): false {
    order.status = order.filled > 0 ? 'canceled' : 'rejected';
    order.note = note;
    this.moved(order.instrument);
    this.listener.onOrder(order);
    return false;
  }

  private giveWay(j: number): void {
    const list = this.book.orders(j);
    for (let k = list.length - 1; k >= 0; k--)
      if (list[k]!.leg === 'entry' || isOwnTarget(list[k]!)) this.cancel(list[k]!);
  }

  private moved(j: number): void {
    this.revision++;
    this.moves++;
    this.changed[j] = 1;
  }

  private refreshBusy(j: number): void {
    this.busy[j] = this.book.orders(j).length > 0 ? 2 : this.protection[j] !== undefined ? 1 : 0;
  }

  /** Book and position of an instrument were changed from outside: by a corporate action. */
  touch(j: number): void {
    this.moved(j);
    this.refreshBusy(j);
  }

  moveProtection(from: number, to: number): void {
    this.protection[to] = this.protection[from];
    this.touch(to);
    this.dropProtection(from);
  }

  dropProtection(j: number): void {
    this.protection[j] = undefined;
    this.touch(j);
  }

  snapshot(): ExchangeSnapshot {
    return {
      ledger: this.ledger.snapshot(),
      nextSequence: this.nextSequence,
      largestShare: this.largestShare,
      working: this.book.snapshot(),
      protection: this.protection.map((state) => state?.snapshot() ?? null),
    };
  }

  restore(state: ExchangeSnapshot): void {
    this.ledger.restore(state.ledger);
    this.nextSequence = state.nextSequence;
    this.largestShare = state.largestShare;
    for (let j = 0; j < this.size; j++) {
      this.book.restore(j, state.working[j] ?? []);
      const saved = state.protection[j];
      this.protection[j] = saved ? Object.assign(this.protect(j, saved.spec), saved) : undefined;
      this.refreshBusy(j);
    }
  }
}
