import { z } from 'zod';
import type { SourceContext } from '../source.js';
import { AlpacaSource } from './alpaca-source.js';

export const name = 'iex';
export const summary = "The IEX exchange's own trades through Alpaca's free plan: about 2.5 % of the US volume.";

export const settings = z.strictObject({});
export type IexSettings = z.output<typeof settings>;

export function create(_options: IexSettings, context: SourceContext): AlpacaSource {
  context.logger.info(
    'IEX is one exchange with about 2.5 % of the US volume: the series is sparse, and its volume and extremes are not those of the market.',
  );
  return new AlpacaSource('iex', context);
}
