import type { FeeRow } from './fees.js';
import { FeeTable } from './fees.js';
import { rowAt, startsOf } from './tables.js';
import type { Fill } from './venue.js';

/** Commission of an order. Amounts in the account's currency. */
export interface CommissionTerms {
  /** Fraction of the traded value, each side. */
  readonly percent: number;
  readonly perShare: number;
  /** Once an order, on its first fill. */
  readonly perOrder: number;
  /** Least and most commission of an order: an amount, and a fraction of its value. */
  readonly minimum: number;
  readonly maximumPercent: number;
}

/** What a venue charges for a fill. */
export interface CostSettings extends CommissionTerms {
  /** Terms by date (YYYY-MM-DD, UTC, ascending) in place of those above; the first row holds before its date too. */
  readonly schedule?: readonly (CommissionTerms & { readonly from: string })[];
  readonly fees: readonly FeeRow[];
}

export const NO_COSTS: CostSettings = {
  percent: 0,
  perShare: 0,
  perOrder: 0,
  minimum: 0,
  maximumPercent: Number.POSITIVE_INFINITY,
  fees: [],
};

export class CostModel {
  private readonly fees: FeeTable;
  private readonly starts: Float64Array;

  constructor(private readonly settings: CostSettings) {
    this.fees = new FeeTable(settings.fees);
    this.starts = startsOf(settings.schedule ?? []);
  }

  /** Terms in force at t (epoch ms). */
  private terms(t: number): CommissionTerms {
    if (this.starts.length === 0) return this.settings;
    return this.settings.schedule![Math.max(0, rowAt(this.starts, t))]!;
  }

  /** Cost of one fill; `first` = whether the order had no fill before (then the per-order part is due). */
  ofFill(side: number, { time, price, quantity }: Fill, first: boolean): number {
    const s = this.terms(time);
    let commission = quantity * price * s.percent + quantity * s.perShare + (first ? s.perOrder : 0);
    if (first && commission < s.minimum) commission = s.minimum;
    const most = quantity * price * s.maximumPercent;
    if (commission > most) commission = most;
    return side < 0 ? commission + this.fees.onSale(quantity, price, time) : commission;
  }

  /** The quantity whose value plus commission is `notional` at `price`; 0 where the fixed parts eat it up. */
  quantityFor(notional: number, price: number, time: number): number {
    const s = this.terms(time);
    const quantity = (notional - s.perOrder) / (price * (1 + s.percent) + s.perShare);
    if (s.minimum === 0 && s.maximumPercent === Number.POSITIVE_INFINITY) return Math.max(0, quantity);
    const linear = quantity * (price * s.percent + s.perShare) + s.perOrder;
    const capped = notional / (price * (1 + s.maximumPercent));
    if (linear > capped * price * s.maximumPercent) return Math.max(0, capped);
    return Math.max(0, linear < s.minimum ? (notional - s.minimum) / price : quantity);
  }
}
