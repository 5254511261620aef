import type { BarColumns } from '../domain/bars.js';
import { emptyCandle, type SimulatedExchange } from '../market/index.js';
import { type AccountView, exitBand, holdBand, lockoutBand } from './decide.js';
import type { Strategy } from './strategy.js';

const NEVER = 0x7fffffff;

/**
 * What would make a tick matter, per instrument: a score that leaves its band, a bar at which the time stop is due, a
 * price that reaches the protection of the position. Brought up to date where the book or a position changed. A tick on
 * which none of this happens only marks positions, and `QuietScan` passes over it.
 */
export class Watch {
  /** Scores strictly between keep what is held. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** From this bar on the time stop is due. */
  readonly due: Int32Array;
  /** 1 where protection is armed or orders rest: then a bar that touches `floor` or `ceiling` goes through the venue. */
  readonly guarded: Uint8Array;
  readonly floor: Float64Array;
  readonly ceiling: Float64Array;
  /** A high above `rising` or a low below `falling` moves the trailing stop. NaN = there is none. */
  readonly rising: Float64Array;
  readonly falling: Float64Array;
  /** Decide must be asked on every tick: a reversal is under way. */
  pending = false;
  /** Number of instruments whose next bar must go through the venue: an order may fill whatever its prices are. */
  working = 0;
  guards = 0;
  private readonly unsettled: Uint8Array;
  /** 1 where working orders wait for their price. */
  private readonly resting: Uint8Array;
  private moves = -1;
  private readonly bar = emptyCandle();

  constructor(
    private readonly exchange: SimulatedExchange,
    private readonly account: AccountView,
    private readonly strategy: Strategy,
    /** Bars have a path inside that moves trailing stops: those of a protected position all go through the venue. */
    private readonly detailed = false,
  ) {
    const { size } = exchange;
    const column = () => new Float64Array(size).fill(Number.NaN);
    this.low = column();
    this.high = column();
    this.due = new Int32Array(size);
    this.guarded = new Uint8Array(size);
    this.floor = column();
    this.ceiling = column();
    this.rising = column();
    this.falling = column();
    this.unsettled = new Uint8Array(size);
    this.resting = new Uint8Array(size);
  }

  /** Call after anything that may have changed the book. */
  refresh(): void {
    const { exchange } = this;
    if (exchange.moves === this.moves) return;
    // Another watch may have read the changes before this one began.
    const fresh = this.moves < 0;
    this.moves = exchange.moves;
    const { changed, busy } = exchange;
    this.pending = false;
    this.working = 0;
    this.guards = 0;
    const everyBar = this.detailed || exchange.settings.fill.insideBar !== true;
    for (let j = 0; j < exchange.size; j++) {
      if (fresh || changed[j] === 1) {
        changed[j] = 0;
        this.look(j);
      }
      if (this.unsettled[j] === 1) this.pending = true;
      if (busy[j] !== 0 && (everyBar || (busy[j] === 2 && this.resting[j] === 0))) this.working++;
      this.guards += this.guarded[j]!;
    }
  }

  /** Tells the account view what is working for an instrument, and from that and the position what to watch for. */
  private look(j: number): void {
    const { account, strategy } = this;
    let entering = 0;
    let exiting = 0;
    let resting = 1;
    const orders = this.exchange.orders(j);
    for (let k = 0; k < orders.length; k++) {
      const { leg, side, filled, type, triggered, either } = orders[k]!;
      if (type === 'market' || either !== undefined || (triggered && type !== 'limit')) resting = 0;
      if (leg === 'entry') entering = side;
      // A stop counts as an exit under way once it has begun to fill: that is what a venue shows of it. A target may wait.
      else if (leg === 'exit' || (leg === 'stop' && filled > 0)) exiting = 1;
    }
    account.entering[j] = entering;
    account.exiting[j] = exiting;
    this.resting[j] = resting;
    const held = account.quantity[j]!;
    const side = Math.sign(held);
    const locked = account.lockout[j]!;
    const leaving = side !== 0 && entering === 0 && locked === 0;
    // The rest of an entry, on the side that is held, is no other decision than the position.
    const free = side === 0 || entering === 0 || entering === side;
    const settled = exiting === 0 ? free && (locked === 0 || (side === 0 && entering === 0)) : leaving;
    this.unsettled[j] = settled ? 0 : 1;
    if (locked !== 0) lockoutBand(strategy.thresholds, locked, strategy.reentry, this.low, this.high, j);
    else if (exiting !== 0) exitBand(strategy.thresholds, side, this.low, this.high, j);
    else holdBand(strategy.thresholds, side || entering, this.low, this.high, j);
    this.due[j] = side === 0 || exiting !== 0 ? NEVER : Math.min(NEVER, account.entryBar[j]! + strategy.timeStop - 1);
    this.guarded[j] = this.exchange.protectionOf(j) === undefined && orders.length === 0 ? 0 : 1;
  }

  /** The prices that matter from here on: bars that went through the venue may have moved them. */
  readGuards(): void {
    for (let j = 0; j < this.exchange.size; j++) if (this.guarded[j] === 1) this.guard(j);
  }

  /** Reads the prices of an armed protection and of orders that rest. */
  private guard(j: number): void {
    const orders = this.exchange.orders(j);
    const state = this.exchange.protectionOf(j);
    let floor = Number.NEGATIVE_INFINITY;
    let ceiling = Number.POSITIVE_INFINITY;
    this.rising[j] = this.falling[j] = Number.NaN;
    if (state !== undefined) {
      const side = Math.sign(this.account.quantity[j]!);
      const stop = state.nearestStop(side);
      const below = side > 0 ? stop : state.target;
      const above = side > 0 ? state.target : stop;
      if (!Number.isNaN(below)) floor = below;
      if (!Number.isNaN(above)) ceiling = above;
      if (side > 0) this.rising[j] = state.best;
      else this.falling[j] = state.best;
    }
    for (let k = 0; k < orders.length; k++) {
      const { type, side, limitPrice, stopPrice } = orders[k]!;
      const price = type === 'limit' ? limitPrice : stopPrice;
      // A buyer's limit and a seller's stop are reached from above.
      if ((type === 'limit') === side > 0) floor = Math.max(floor, price);
      else ceiling = Math.min(ceiling, price);
    }
    this.floor[j] = floor;
    this.ceiling[j] = ceiling;
  }

  /** Moves the trailing stop of an instrument after bar i, which did not reach its protection. */
  trail(j: number, { high, low }: BarColumns, i: number): void {
    const state = this.exchange.protectionOf(j)!;
    const side = Math.sign(this.account.quantity[j]!);
    this.bar.high = high[i]!;
    this.bar.low = low[i]!;
    state.trailTo(side, this.bar);
    if (this.exchange.orders(j).length > 0) this.guard(j);
    else if (side > 0) {
      this.floor[j] = state.nearestStop(side);
      this.rising[j] = state.best;
    } else {
      this.ceiling[j] = state.nearestStop(side);
      this.falling[j] = state.best;
    }
  }
}
