import { DAY_MS } from '../domain/index.js';
import type { SimulatedExchange } from './exchange.js';
import { rowAt, startsOf } from './tables.js';

/** An annual rate as a fraction, from a date (YYYY-MM-DD, UTC) on; `symbol` '*' is every one without rows of its own. */
export interface RateRow {
  /** Interest on a debit balance, fee for borrowing shares, interest paid on cash. */
  readonly kind: 'margin' | 'borrow' | 'credit';
  readonly symbol: string;
  readonly from: string;
  readonly rate: number;
}

/** Both interest and borrow fees count 360 days a year, as US brokers do. */
const YEAR = 360;

class RateTable {
  private readonly starts: Float64Array;

  constructor(private readonly rows: readonly RateRow[]) {
    this.starts = startsOf(rows);
  }

  at(t: number): number {
    const row = rowAt(this.starts, t);
    return row < 0 ? 0 : this.rows[row]!.rate;
  }
}

/**
 * Interest and borrow fees, charged for each night (UTC) before the bars of the first tick after it. A debit is what the
 * cash lacks once the value of shorts, which the lender holds, is set aside; what is left over earns the credit rate.
 * A borrow fee is units · collateral price · rate / 360 a day, the collateral price 102 % of the last price rounded up to
 * a whole dollar (the brokers' convention).
 */
export class Financing {
  private readonly margin: RateTable;
  private readonly credit: RateTable;
  private readonly borrow: readonly RateTable[];

  constructor(
    private readonly exchange: SimulatedExchange,
    rates: readonly RateRow[],
    symbols: readonly string[],
  ) {
    const of = (kind: RateRow['kind']) => rates.filter((row) => row.kind === kind);
    this.margin = new RateTable(of('margin'));
    this.credit = new RateTable(of('credit'));
    const borrow = of('borrow');
    this.borrow = symbols.map((symbol) => {
      const own = borrow.filter((row) => row.symbol === symbol);
      return new RateTable(own.length > 0 ? own : borrow.filter((row) => row.symbol === '*'));
    });
  }

  /** Charges what is due at t; nothing where the day is the one that was charged last. */
  accrue(t: number): void {
    const { ledger, listener } = this.exchange;
    const day = Math.floor(t / DAY_MS);
    const days = Number.isNaN(ledger.financedDay) ? 0 : day - ledger.financedDay;
    ledger.financedDay = day;
    if (days <= 0) return;
    let free = ledger.cash;
    for (let j = 0; j < ledger.size; j++) {
      const units = -ledger.quantity[j]!;
      if (units <= 0) continue;
      const price = ledger.mark[j]!;
      free -= units * price;
      const fee = (units * Math.ceil(1.02 * price) * this.borrow[j]!.at(t) * days) / YEAR;
      if (fee === 0) continue;
      ledger.receive(j, -fee);
      listener.onFlow?.({ kind: 'borrow', instrument: j, cash: -fee, units: 0, priceFactor: 1 });
    }
    const interest = (free * (free < 0 ? this.margin : this.credit).at(t) * days) / YEAR;
    if (interest === 0) return;
    ledger.cash += interest;
    ledger.carry += interest;
    listener.onFlow?.({ kind: 'interest', instrument: -1, cash: interest, units: 0, priceFactor: 1 });
  }
}
