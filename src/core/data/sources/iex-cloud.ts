import { z } from 'zod';
import { QuantlineError } from '../../errors/index.js';
import type { MarketDataSource } from '../source.js';

export const name = 'iex-cloud';
export const summary = 'Closed on 2024-08-31; says what to use instead.';

export const settings = z.strictObject({});

/** @throws QuantlineError CONFIG always: the service no longer exists. */
export function create(): MarketDataSource {
  throw new QuantlineError('CONFIG', 'IEX Cloud was shut down by its operator on 2024-08-31.', {
    hint: "Use --source iex (the IEX exchange's own data, free through Alpaca), --source alpaca, or --source yahoo.",
  });
}
