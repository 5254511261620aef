import { sha256 } from '../platform/hash.js';
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
 * `ql-<strategy>-<8 hex digits: second of the slot><12 hex digits>`: the same for the same order on every start, so that a
 * venue which keeps client order ids refuses a second one. At most 48 characters of [a-z0-9-]. The time in front puts ids
 * of one slot next to each other in an index: with fifty orders it is one page of it that has to reach the disk, not fifty.
 */
export function clientOrderIdOf(scope: StrategyScope, key: OrderKey): string {
  const { venue, account, strategy } = scope;
  const { instrument, slot, leg, revision } = key;
  const second = Math.max(0, Math.trunc(slot / 1000));
  const hash = sha256(JSON.stringify([venue, account, strategy, slot, instrument, leg, revision]));
  return `${strategyPrefix(strategy)}${second.toString(16).padStart(8, '0')}${hash.slice(0, 12)}`;
}

const prefixes = new Map<string, string>();

/** What all client order ids of a strategy start with; two strategies may share it. */
export function strategyPrefix(strategy: string): string {
  let prefix = prefixes.get(strategy);
  if (prefix === undefined) {
    const words = strategy.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    prefix = `${PREFIX}-${words.replaceAll(/^-|-$/g, '').slice(0, 24) || 'x'}-`;
    prefixes.set(strategy, prefix);
  }
  return prefix;
}
