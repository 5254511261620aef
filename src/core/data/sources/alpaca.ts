import { z } from 'zod';
import type { SourceContext } from '../source.js';
import { AlpacaSource } from './alpaca-source.js';

export const name = 'alpaca';
export const summary = 'Alpaca: US equities and crypto, history and stream; needs a free account.';

export const settings = z.strictObject({
  /** `sip`: all exchanges; `delayed_sip`: the same, 15 minutes late, without a subscription; `iex`: one exchange. */
  feed: z.enum(['sip', 'delayed_sip', 'iex']).default('sip'),
});
export type AlpacaSettings = z.output<typeof settings>;

export function create(options: AlpacaSettings, context: SourceContext): AlpacaSource {
  return new AlpacaSource(options.feed, context);
}
