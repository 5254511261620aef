import type { CorporateAction } from '../../domain/index.js';

const RATE = (value: unknown): number => (typeof value === 'number' && value > 0 ? value : Number.NaN);

/**
 * Splits, cash dividends, renames and delistings (worthless or for cash) out of Alpaca's corporate actions, by ex-date. A
 * stock dividend of rate r is a split of 1 + r. Kinds that turn one holding into another (stock mergers, spin-offs) are
 * returned as remarks, because a series across them needs a person's eye.
 */
export function actionsOf(
  reply: Readonly<Record<string, unknown>>,
  symbols: ReadonlySet<string>,
): { readonly actions: CorporateAction[]; readonly remarks: string[] } {
  const actions: CorporateAction[] = [];
  const remarks: string[] = [];
  for (const [kind, list] of Object.entries(reply)) {
    if (!Array.isArray(list)) continue;
    for (const item of list as Readonly<Record<string, unknown>>[]) {
      const instrument = String(
        item['symbol'] ?? item['source_symbol'] ?? item['old_symbol'] ?? item['acquiree_symbol'] ?? '',
      );
      const date = String(item['ex_date'] ?? item['effective_date'] ?? item['process_date'] ?? '');
      if (!symbols.has(instrument) || !/^\d{4}-\d\d-\d\d$/.test(date)) continue;
      if (kind === 'forward_splits' || kind === 'reverse_splits') {
        const ratio = RATE(item['new_rate']) / RATE(item['old_rate']);
        if (Number.isFinite(ratio)) actions.push({ type: 'split', instrument, date, ratio });
        else remarks.push(`${instrument} ${date}: a split without usable rates`);
      } else if (kind === 'stock_dividends') {
        const rate = RATE(item['rate']);
        if (Number.isFinite(rate)) actions.push({ type: 'split', instrument, date, ratio: 1 + rate });
      } else if (kind === 'cash_dividends') {
        const amount = RATE(item['rate']);
        if (Number.isFinite(amount)) actions.push({ type: 'dividend', instrument, date, amount });
      } else if (kind === 'name_changes' && typeof item['new_symbol'] === 'string') {
        actions.push({ type: 'rename', instrument, date, becomes: item['new_symbol'] });
      } else if (kind === 'worthless_removals') actions.push({ type: 'delisting', instrument, date, amount: 0 });
      else if (kind === 'cash_mergers' && RATE(item['rate']) > 0) {
        actions.push({ type: 'delisting', instrument, date, amount: RATE(item['rate']) });
      } else remarks.push(`${instrument} ${date}: ${kind.replace(/_/g, ' ').replace(/s$/, '')}`);
    }
  }
  const order = (a: CorporateAction): string => `${a.date} ${a.instrument} ${a.type}`;
  actions.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return { actions, remarks };
}
