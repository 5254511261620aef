import type { ExecutionContext } from '../../execution/index.js';
import type { Logger } from '../../platform/index.js';
import { type DecisionResult, type ExecutionRecord, isUnresolved, type OrderRecord } from '../../state/index.js';
import type { TradeHooks } from './hooks.js';

/** A decided order that the venue never had, because it was not sent in time, or might not be. */
export const isUnsent = ({ status, venueOrderId }: OrderRecord): boolean =>
  status === 'expired' && venueOrderId === undefined;

/** Why an order that was decided is not there, or not known to be. */
export function refusalText(order: OrderRecord): string {
  const { instrument, request, status, reason } = order;
  const why = reason?.replace('not sent: ', '').replace(`${instrument}: `, '').replace(/\.$/, '');
  const what = isUnresolved(order)
    ? 'may or may not be at the venue'
    : `was ${status === 'rejected' ? 'rejected' : 'not sent'}`;
  return `the ${request.side} order for ${instrument} ${what}: ${why ?? 'no reason'}`;
}

/** What the venue has done, told to people as it is booked, whoever looked for it, and kept for the next tick. */
export class VenueNews {
  private readonly booked: ExecutionRecord[] = [];
  /** Ids of the orders that were told of as refused or never sent, those of earlier slots included. */
  readonly refused = new Set<string>();
  /** By instrument, the strategy that keeps it from being ordered, as told. */
  private readonly owners = new Map<string, string>();

  constructor(
    private readonly notify: TradeHooks['notify'],
    private readonly logger: Logger,
  ) {}

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

  /** Said and told once an order, at whichever of its answers. */
  rejected(order: OrderRecord): void {
    if (this.refused.has(order.clientOrderId)) return;
    this.refused.add(order.clientOrderId);
    this.logger.warn(`${refusalText(order)}.`);
    this.notify?.({ type: 'reject', order });
  }

  /** Of a decision that is on record: what another strategy owns is told once, until the owner changes or it is ordered. */
  decided({ orders, withheld }: DecisionResult): void {
    for (const { instrument } of orders) this.owners.delete(instrument);
    for (const { instrument, owner } of withheld) {
      if (this.owners.get(instrument) === owner) continue;
      this.owners.set(instrument, owner);
      this.logger.warn(`${instrument}: not ordered, because in this account it belongs to the strategy ${owner}.`);
      this.notify?.({ type: 'verdict', instrument, rule: 'owner', reason: `it belongs to ${owner}` });
    }
  }

  /** Executions since the last time. */
  take(): readonly ExecutionRecord[] {
    return this.booked.splice(0);
  }
}
