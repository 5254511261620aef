import type { TradeOptions } from '../../config/index.js';
import type { BrokerAccount } from '../../execution/index.js';

/** Venues whose accounts keep to settlement and may enforce the pattern-day-trader rule. */
const US_BROKERS: ReadonlySet<string> = new Set(['schwab', 'ibkr']);

/**
 * Risk policies beside those of the run: what `--risk` adds, and what the account's kind asks for at Charles Schwab and
 * Interactive Brokers unless a policy of that name is there. They only ever make entries smaller.
 */
export function accountLimits(
  options: Pick<TradeOptions, 'broker' | 'risk'>,
  own: readonly string[],
  account: BrokerAccount,
): readonly string[] {
  const added = (options.risk ?? []).map((call) => call.text);
  if (!US_BROKERS.has(options.broker)) return added;
  // A cash account cannot sell short; a margin account can.
  const rule = account.shortingEnabled ? 'pattern-day-trader' : 'settled-cash';
  const named = [...own, ...added].some((text) => text.replace(/\(.*$/s, '').trim() === rule);
  return named ? added : [...added, rule];
}
