import type { Protection } from '../domain/orders.js';
import type { LedgerSnapshot } from './ledger.js';
import type { VenueOrder } from './orders.js';

/** Everything a venue must remember between two bars. NaN does not survive JSON: use `snapshotToJson`. */
export interface ExchangeSnapshot {
  readonly ledger: LedgerSnapshot;
  readonly nextSequence: number;
  readonly largestShare: number;
  readonly working: readonly (readonly VenueOrder[])[];
  readonly protection: readonly (null | {
    readonly spec: Protection;
    readonly stop: number;
    readonly target: number;
    readonly trail: number;
    readonly best: number;
  })[];
}

/** JSON in which NaN is written as the text "NaN", exact otherwise (shortest round-trip numbers). */
export const snapshotToJson = (snapshot: ExchangeSnapshot): string =>
  JSON.stringify(snapshot, (_, value) => (typeof value === 'number' && Number.isNaN(value) ? 'NaN' : value));

export const snapshotFromJson = (text: string): ExchangeSnapshot =>
  JSON.parse(text, (_, value) => (value === 'NaN' ? Number.NaN : value));
