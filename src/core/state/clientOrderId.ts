import { idOf } from '../platform/hash.js';
import type { StrategyScope } from './records.js';

/** What tells one order of a strategy from all others. */
export interface OrderKey {
  readonly instrument: string;
  readonly slot: number;
  readonly leg: string;
  readonly revision: number;
}

const PREFIX = 'ql';

/**
 * `ql-<strategy>-<16 hex digits>`: the same for the same order on every start, so that a venue which keeps client order
 * ids refuses a second one. At most 44 characters of [a-z0-9-].
 */
export function clientOrderIdOf(scope: StrategyScope, key: OrderKey): string {
  const { venue, account, strategy } = scope;
  const { instrument, slot, leg, revision } = key;
  return `${strategyPrefix(strategy)}${idOf({ account, instrument, leg, revision, slot, strategy, venue })}`;
}

/** What all client order ids of a strategy start with; two strategies may share it. */
export const strategyPrefix = (strategy: string): string =>
  `${PREFIX}-${
    strategy
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '')
      .slice(0, 24) || 'x'
  }-`;
