import { rowAt, startsOf } from './tables.js';

/**
 * Regulatory fees of US equities by date, charged on sales: SEC section 31 (per dollar) and FINRA's
 * trading activity fee (per share, capped per order). Dated rows so that a change is a new row, never an edit.
 */
export interface FeeRow {
  /** First day in force, YYYY-MM-DD (UTC). */
  readonly from: string;
  /** Fraction of the proceeds. */
  readonly ofProceeds: number;
  readonly perShare: number;
  /** Most that `perShare` may amount to in one order. */
  readonly perShareCap: number;
}

/**
 * SEC fee rate advisories and FINRA notices as public fee schedules quote them; the official notices were not read, and
 * the cap of 2026 is unconfirmed.
 */
export const US_REGULATORY_FEES: readonly FeeRow[] = [
  { from: '1900-01-01', ofProceeds: 0.0000278, perShare: 0.000166, perShareCap: 8.3 },
  { from: '2025-05-14', ofProceeds: 0, perShare: 0.000166, perShareCap: 8.3 },
  { from: '2026-01-01', ofProceeds: 0, perShare: 0.000195, perShareCap: 9.79 },
  { from: '2026-04-04', ofProceeds: 0.0000206, perShare: 0.000195, perShareCap: 9.79 },
  { from: '2027-01-01', ofProceeds: 0.0000206, perShare: 0.000232, perShareCap: 9.79 },
];

/** Fees by time; before the first row there are none. */
export class FeeTable {
  private readonly starts: Float64Array;

  constructor(private readonly rows: readonly FeeRow[]) {
    this.starts = startsOf(rows);
  }

  /** Fee in currency for selling `quantity` shares at `price` at time t (epoch ms). */
  onSale(quantity: number, price: number, t: number): number {
    const row = rowAt(this.starts, t);
    if (row < 0) return 0;
    const fee = this.rows[row]!;
    return quantity * price * fee.ofProceeds + Math.min(quantity * fee.perShare, fee.perShareCap);
  }
}
