import { codeOf, TableBuilder } from '../domain/builder.js';
import { ORDER_STATUSES } from '../domain/orders.js';
import type { VenueOrder } from '../market/index.js';

export const LEGS = ['exit', 'entry', 'stop', 'target'] as const;
export const ORDER_TYPES = ['market', 'limit', 'stop', 'stop_limit'] as const;

const ORDER_FIELDS = [
  'status',
  'quantity',
  'filled',
  'filledValue',
  'costs',
  'note',
  'instrument',
  'submitted',
  'side',
  'leg',
  'type',
  'notional',
  'limitPrice',
  'stopPrice',
] as const;

/**
 * Orders as columns, in order of sequence (row i has sequence i + 1), each as it ended. `side` is 1 or −1; `status`,
 * `leg` and `type` are indices into ORDER_STATUSES, LEGS and ORDER_TYPES, `note` one into `notes`; NaN where an order
 * had no such number.
 */
export type OrderColumns = Readonly<Record<(typeof ORDER_FIELDS)[number], Float64Array>> & {
  readonly notes: readonly string[];
};

/** Copies orders into a table as they ended, so that the venue's own objects need not outlive them. */
export class OrderLog {
  private readonly table: TableBuilder<(typeof ORDER_FIELDS)[number]>;
  private readonly notes: string[] = [''];

  constructor(rows?: number) {
    this.table = new TableBuilder(ORDER_FIELDS, rows);
  }

  /** Writes an order's row. Sequence numbers count from 1; rows of orders that are still working come at the end. */
  put(order: VenueOrder): void {
    const { table } = this;
    const row = order.sequence - 1;
    table.reach(row);
    const { columns } = table;
    columns[0]![row] = codeOf(ORDER_STATUSES, order.status);
    columns[1]![row] = order.quantity;
    columns[2]![row] = order.filled;
    columns[3]![row] = order.filledValue;
    columns[4]![row] = order.costs;
    columns[5]![row] = order.note === '' ? 0 : this.noteCode(order.note);
    columns[6]![row] = order.instrument;
    columns[7]![row] = order.submitted;
    columns[8]![row] = order.side;
    columns[9]![row] = codeOf(LEGS, order.leg);
    // Of a pair, or once the second part is triggered, the terms that it works on by now.
    columns[10]![row] = codeOf(ORDER_TYPES, order.type);
    columns[11]![row] = order.notional;
    columns[12]![row] = order.limitPrice;
    columns[13]![row] = order.stopPrice;
  }

  toColumns(): OrderColumns {
    return { ...this.table.toColumns(), notes: this.notes };
  }

  private noteCode(note: string): number {
    const known = this.notes.indexOf(note);
    return known >= 0 ? known : this.notes.push(note) - 1;
  }
}
