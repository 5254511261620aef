import { add, compare, type DecimalText, isZero, signOf, subtract } from '../domain/decimal.js';
import type { PositionRecord } from '../state/index.js';
import type { BrokerPosition } from './broker.js';

/** Units at the venue that no strategy of this journal bought: left alone. */
export interface ExternalHolding {
  readonly instrument: string;
  readonly quantity: DecimalText;
}

/** Something that the venue should show and does not. */
export interface Difference {
  readonly kind: 'position' | 'order' | 'fills';
  readonly instrument: string;
  readonly clientOrderId?: string;
  /** What the journal says, and what the venue says. */
  readonly owned: string;
  readonly venue: string;
  readonly explanation: string;
}

/**
 * Owned plus external equals the venue. Where the venue holds less of what is owned, or the other side of it, somebody
 * else has traded it away: a difference.
 */
export function compareHoldings(
  owned: readonly Pick<PositionRecord, 'instrument' | 'quantity'>[],
  venue: readonly BrokerPosition[],
): { readonly external: readonly ExternalHolding[]; readonly differences: readonly Difference[] } {
  const ours = new Map<string, DecimalText>();
  for (const row of owned) ours.set(row.instrument, add(ours.get(row.instrument) ?? '0', row.quantity));
  const theirs = new Map<string, DecimalText>();
  for (const row of venue) theirs.set(row.instrument, add(theirs.get(row.instrument) ?? '0', row.quantity));
  const external: ExternalHolding[] = [];
  const differences: Difference[] = [];
  for (const instrument of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    const held = ours.get(instrument) ?? '0';
    const there = theirs.get(instrument) ?? '0';
    const rest = subtract(there, held);
    if (isZero(rest)) continue;
    const covered = isZero(held) || (signOf(there) === signOf(held) && compare(magnitude(there), magnitude(held)) >= 0);
    if (covered) external.push({ instrument, quantity: rest });
    else {
      differences.push({
        kind: 'position',
        instrument,
        owned: held,
        venue: there,
        explanation: isZero(there) ? 'the venue holds none of it' : 'the venue holds less than is owned',
      });
    }
  }
  return { external, differences };
}

/** External units of an instrument. */
export const unitsOf = (rows: readonly ExternalHolding[], instrument: string): DecimalText =>
  rows.find((row) => row.instrument === instrument)?.quantity ?? '0';

export const magnitude = (quantity: DecimalText): DecimalText => quantity.replace(/^-/, '');

/** The differences as lines of a table for people. */
export function differenceTable(differences: readonly Difference[]): string {
  const rows = [
    ['instrument', 'what', 'owned', 'venue', 'explanation'],
    ...differences.map((d) => [d.instrument, d.clientOrderId ?? d.kind, d.owned, d.venue, d.explanation]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
