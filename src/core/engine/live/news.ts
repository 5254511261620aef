import type { ExecutionContext } from '../../execution/index.js';
import type { ExecutionRecord, OrderRecord } from '../../state/index.js';
import type { TradeHooks } from './hooks.js';

/** What the venue has done, told to people as it is booked, whoever looked for it, and kept for the next tick. */
export class VenueNews {
  private readonly booked: ExecutionRecord[] = [];
  private readonly refused = new Set<string>();

  constructor(private readonly notify: TradeHooks['notify']) {}

  /** An execution layer whose news arrive here. */
  heardBy(execution: ExecutionContext): ExecutionContext {
    return {
      ...execution,
      onBooked: (executions) => {
        this.booked.push(...executions);
        for (const each of executions) this.notify?.({ type: 'fill', execution: each });
      },
      onRejected: (order) => this.rejected(order),
    };
  }

  /** Told once an order, at whichever of its answers. */
  rejected(order: OrderRecord): void {
    if (this.refused.has(order.clientOrderId)) return;
    this.refused.add(order.clientOrderId);
    this.notify?.({ type: 'reject', order });
  }

  /** Executions since the last time. */
  take(): readonly ExecutionRecord[] {
    return this.booked.splice(0);
  }
}
