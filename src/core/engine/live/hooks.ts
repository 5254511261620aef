import type { Unprotected } from '../../execution/index.js';
import type { ExecutionRecord, OrderRecord } from '../../state/index.js';

/** What happens in a session, for whoever wants to tell people. */
export type TradeEvent =
  | { readonly type: 'fill'; readonly execution: ExecutionRecord }
  | { readonly type: 'reject'; readonly order: OrderRecord }
  | { readonly type: 'verdict'; readonly instrument: string; readonly rule: string; readonly reason: string }
  | { readonly type: 'halt'; readonly reason: string }
  | { readonly type: 'missed'; readonly slot: number; readonly count: number; readonly reason: string }
  | { readonly type: 'unprotected'; readonly alarm: Unprotected };

/** Where a caller joins in. */
export interface TradeHooks {
  /** Told at once, never waited for: nothing here may delay an order. */
  readonly notify?: (event: TradeEvent) => void;
}
