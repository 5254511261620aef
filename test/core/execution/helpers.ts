import * as nextOpen from '../../../src/core/market/fills/next-open.js';
import { type ExchangeSettings, NO_COSTS, NO_SLIPPAGE } from '../../../src/core/market/index.js';

export const exchangeSettings = (more: Partial<ExchangeSettings> = {}): ExchangeSettings => ({
  cash: 100_000,
  costs: NO_COSTS,
  slippage: NO_SLIPPAGE,
  fill: nextOpen.create(nextOpen.settings.parse({})),
  leverage: 1,
  allowShort: false,
  ...more,
});
