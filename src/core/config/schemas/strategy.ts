import { option } from '../option.js';
import { call, choice, commission, fraction, integer, number, off, slippage } from './kinds.js';

/** How scores become positions, and what trading costs: shared by backtest and by trading without a report. */
export const strategyShape = {
  commission: option(
    { summary: 'Commission: of the value, an order, a share, or a sum.', value: '0.1%|$1|$0.005/share' },
    commission().prefault('0'),
  ),
  fees: option(
    { summary: 'Regulatory fees by date.', value: 'table', choices: ['us', 'none'] },
    choice('us', 'none').prefault('none'),
  ),
  slippage: option(
    { summary: 'How far fills are worse than the reference price.', value: '5bp|volume-share(2.5%,0.1)' },
    slippage().prefault('0'),
  ),
  fill: option({ summary: 'Fill model.', value: 'next-open', adapter: 'fill' }, call().prefault('next-open')),
  sizing: option(
    { summary: 'Size of a position.', value: 'fraction(100%)|cash($10000)|volatility(10%)|atr(1%,14,2)' },
    call().prefault('fraction(100%)'),
  ),
  short: option({ summary: 'Allow short positions.', switch: true }, off()),
  enter: option(
    { summary: 'Score from which a position is opened; depends on the model by default.', value: '0.55' },
    number().optional(),
  ),
  exit: option(
    { summary: 'Score at which it is closed; the entry threshold by default.', value: '0.5' },
    number().optional(),
  ),
  lot: option(
    {
      summary: 'Whole shares, or fractions where the venue has them.',
      value: 'kind',
      choices: ['whole', 'fractional'],
    },
    choice('whole', 'fractional').prefault('fractional'),
  ),
  leverage: option({ summary: 'Largest gross exposure in units of equity.', value: '1' }, number(0, 100).prefault('1')),
  stopLoss: option(
    { summary: 'Protective stop below the fill price.', value: '2%' },
    fraction({ min: 0, above: true, max: 1 }).optional(),
  ),
  takeProfit: option(
    { summary: 'Target above the fill price.', value: '4%' },
    fraction({ min: 0, above: true }).optional(),
  ),
  trailingStop: option(
    { summary: 'Stop that follows the best price since entry.', value: '3%' },
    fraction({ min: 0, above: true, max: 1 }).optional(),
  ),
  timeStop: option({ summary: 'Bars after which a position is closed.', value: 'bars' }, integer(1).optional()),
  maxPosition: option(
    { summary: 'Risk: largest position as a share of equity.', value: '25%' },
    fraction({ min: 0, above: true }).optional(),
  ),
  maxPositions: option({ summary: 'Risk: most positions at once.', value: 'n' }, integer(1).optional()),
  maxOrder: option(
    { summary: 'Risk: largest order as a share of equity.', value: '25%' },
    fraction({ min: 0, above: true }).optional(),
  ),
  maxDailyLoss: option(
    { summary: 'Risk: loss of a session after which no position is opened.', value: '3%' },
    fraction({ min: 0, above: true, max: 1 }).optional(),
  ),
  maxDrawdown: option(
    { summary: 'Risk: fall from the equity high that halts the strategy.', value: '20%' },
    fraction({ min: 0, above: true, max: 1 }).optional(),
  ),
};
