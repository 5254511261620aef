import { type ExitReason, exitReasonCode, tradeLog } from './trades.js';
import type { Fill } from './venue.js';

/** Below this many units a position is flat: what rounding of repeated partial fills may leave. */
const DUST = 1e-9;

/**
 * Cash, positions and round trips of one account, float64. Arrays are indexed by instrument.
 * Invariant (tested as a property): cash + Σ quantity·price changes only by price moves and costs.
 */
export class Ledger {
  cash: number;
  /** Signed units. */
  readonly quantity: Float64Array;
  /** Average entry price of the open position; 0 when flat. */
  readonly entryPrice: Float64Array;
  readonly entryTime: Float64Array;
  readonly entryBar: Int32Array;
  /** Last known price for marking; 0 before the first bar. */
  readonly mark: Float64Array;
  /** Side of a position closed by its protection, until the signal asks for something else. */
  readonly lockout: Int8Array;
  readonly trades: ReturnType<typeof tradeLog>;
  costs = 0;
  /** Dividends received less those owed, borrow fees and interest. */
  carry = 0;
  /** Day (since 1970, UTC) up to which interest and borrow fees are charged; NaN before the first. */
  financedDay = Number.NaN;
  /** Sum of |value| of all fills. */
  turnover = 0;

  private readonly entered: Float64Array;
  private readonly enteredValue: Float64Array;
  private readonly exitedValue: Float64Array;
  private readonly tradeCosts: Float64Array;
  private readonly tradeCarry: Float64Array;

  /** `rows`: trades to make room for at first. */
  constructor(
    readonly size: number,
    cash: number,
    rows?: number,
  ) {
    this.cash = cash;
    this.trades = tradeLog(rows);
    const column = () => new Float64Array(size);
    this.quantity = column();
    this.entryPrice = column();
    this.entryTime = column();
    this.entryBar = new Int32Array(size);
    this.mark = column();
    this.lockout = new Int8Array(size);
    this.entered = column();
    this.enteredValue = column();
    this.exitedValue = column();
    this.tradeCosts = column();
    this.tradeCarry = column();
  }

  equity(): number {
    let equity = this.cash;
    for (let j = 0; j < this.size; j++) equity += this.quantity[j]! * this.mark[j]!;
    return equity;
  }

  gross(): number {
    let gross = 0;
    for (let j = 0; j < this.size; j++) gross += Math.abs(this.quantity[j]! * this.mark[j]!);
    return gross;
  }

  /**
   * Money that new positions may use: leverage · equity − gross. Written so that an unlevered long-only account has
   * exactly its cash, without rounding.
   */
  buyingPower(leverage: number): number {
    let long = 0;
    let short = 0;
    for (let j = 0; j < this.size; j++) {
      const value = this.quantity[j]! * this.mark[j]!;
      if (value > 0) long += value;
      else short -= value;
    }
    return leverage * this.cash + (leverage - 1) * long - (leverage + 1) * short;
  }

  /** Books a fill. `side` 1 buys, −1 sells. A fill never crosses zero: reversals are an exit and an entry. */
  book(j: number, side: number, { time, price, quantity, costs }: Fill, bar: number, reason: ExitReason): void {
    const before = this.quantity[j]!;
    const value = quantity * price;
    this.cash -= side * value + costs;
    this.costs += costs;
    this.turnover += value;
    this.tradeCosts[j] = this.tradeCosts[j]! + costs;
    if (before === 0) {
      this.entryTime[j] = time;
      this.entryBar[j] = bar;
    }
    if (before === 0 || Math.sign(before) === side) {
      this.entered[j] = this.entered[j]! + quantity;
      this.enteredValue[j] = this.enteredValue[j]! + value;
      this.quantity[j] = before + side * quantity;
      this.entryPrice[j] = this.enteredValue[j]! / this.entered[j]!;
      return;
    }
    this.exitedValue[j] = this.exitedValue[j]! + value;
    const after = before + side * quantity;
    this.quantity[j] = Math.abs(after) < DUST ? 0 : after;
    if (this.quantity[j] === 0) this.close(j, -side, time, bar, reason);
  }

  private close(j: number, side: number, time: number, bar: number, reason: ExitReason): void {
    const quantity = this.entered[j]!;
    const entryValue = this.enteredValue[j]!;
    const exitValue = this.exitedValue[j]!;
    const costs = this.tradeCosts[j]!;
    const grossPnl = side * (exitValue - entryValue);
    const row = this.trades.append();
    const { columns } = this.trades;
    columns[0]![row] = j;
    columns[1]![row] = side;
    columns[2]![row] = quantity;
    columns[3]![row] = this.entryTime[j]!;
    columns[4]![row] = entryValue / quantity;
    columns[5]![row] = time;
    columns[6]![row] = exitValue / quantity;
    columns[7]![row] = grossPnl;
    columns[8]![row] = costs;
    columns[9]![row] = this.tradeCarry[j]!;
    columns[10]![row] = grossPnl + this.tradeCarry[j]! - costs;
    columns[11]![row] = columns[10]![row]! / entryValue;
    columns[12]![row] = bar - this.entryBar[j]!;
    columns[13]![row] = exitReasonCode(reason);
    this.entryPrice[j] = 0;
    this.entered[j] = 0;
    this.enteredValue[j] = 0;
    this.exitedValue[j] = 0;
    this.tradeCosts[j] = 0;
    this.tradeCarry[j] = 0;
    if (reason === 'stop_loss' || reason === 'take_profit' || reason === 'trailing_stop') this.lockout[j] = side;
  }

  /** Cash that comes with the open position, or goes: a dividend, a borrow fee. */
  receive(j: number, cash: number): void {
    this.cash += cash;
    this.carry += cash;
    this.tradeCarry[j] = this.tradeCarry[j]! + cash;
  }

  /** Counts the position in new units; its value stays. */
  split(j: number, ratio: number): void {
    this.quantity[j] = this.quantity[j]! * ratio;
    this.entered[j] = this.entered[j]! * ratio;
    this.entryPrice[j] = this.entryPrice[j]! / ratio;
    this.mark[j] = this.mark[j]! / ratio;
  }

  /** Moves the open position to another instrument, whose bars count anew. */
  rename(from: number, to: number): void {
    for (const column of [this.quantity, this.entryPrice, this.entryTime, ...this.tradeColumns()]) {
      column[to] = column[from]!;
      column[from] = 0;
    }
    this.entryBar[to] = -1;
    this.lockout[to] = 0;
    if (this.mark[to] === 0) this.mark[to] = this.mark[from]!;
  }

  private tradeColumns(): Float64Array[] {
    return [this.entered, this.enteredValue, this.exitedValue, this.tradeCosts, this.tradeCarry];
  }

  /** Pays out units without a fill: no costs, no turnover. */
  settle(j: number, quantity: number, price: number, time: number, bar: number, reason: ExitReason): void {
    this.book(j, -Math.sign(this.quantity[j]!), { time, price, quantity, costs: 0, share: 0 }, bar, reason);
    this.turnover -= quantity * price;
  }

  /** Plain state, without the closed trades (they are history, not state). */
  snapshot(): LedgerSnapshot {
    const list = (a: ArrayLike<number>) => Array.from(a);
    return {
      cash: this.cash,
      costs: this.costs,
      turnover: this.turnover,
      quantity: list(this.quantity),
      entryPrice: list(this.entryPrice),
      entryTime: list(this.entryTime),
      entryBar: list(this.entryBar),
      mark: list(this.mark),
      lockout: list(this.lockout),
      entered: list(this.entered),
      enteredValue: list(this.enteredValue),
      exitedValue: list(this.exitedValue),
      tradeCosts: list(this.tradeCosts),
      carry: this.carry,
      financedDay: this.financedDay,
      tradeCarry: list(this.tradeCarry),
    };
  }

  restore(state: LedgerSnapshot): void {
    this.cash = state.cash;
    this.costs = state.costs;
    this.turnover = state.turnover;
    for (const key of LEDGER_COLUMNS) this[key].set(state[key]);
    this.entered.set(state.entered);
    this.enteredValue.set(state.enteredValue);
    this.exitedValue.set(state.exitedValue);
    this.tradeCosts.set(state.tradeCosts);
    // Books of earlier versions had none.
    this.carry = state.carry ?? 0;
    this.financedDay = state.financedDay ?? Number.NaN;
    this.tradeCarry.set(state.tradeCarry ?? []);
  }
}

const LEDGER_COLUMNS = ['quantity', 'entryPrice', 'entryTime', 'entryBar', 'mark', 'lockout'] as const;

export interface LedgerSnapshot {
  readonly cash: number;
  readonly costs: number;
  readonly turnover: number;
  readonly quantity: readonly number[];
  readonly entryPrice: readonly number[];
  readonly entryTime: readonly number[];
  readonly entryBar: readonly number[];
  readonly mark: readonly number[];
  readonly lockout: readonly number[];
  readonly entered: readonly number[];
  readonly enteredValue: readonly number[];
  readonly exitedValue: readonly number[];
  readonly tradeCosts: readonly number[];
  readonly carry?: number;
  readonly financedDay?: number;
  readonly tradeCarry?: readonly number[];
}
