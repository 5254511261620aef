import { z } from 'zod';
import { option } from '../option.js';
import {
  call,
  calls,
  choice,
  commission,
  fees,
  fraction,
  integer,
  money,
  number,
  off,
  rates,
  sizing,
  slippage,
} from './kinds.js';

/** How scores become positions, and what trading costs: of a backtest, and of the folds of train and tune. */
export const strategyShape = {
  cash: option({ summary: 'Money at the start.', value: '100000' }, money().prefault('100000')),
  commission: option(
    {
      summary: 'Commission: of the value, an order, a share, or a sum; a broker’s schedule; or a file of dated ones.',
      value: '0.1%|$1|$0.005/share|ibkr-fixed|FILE.csv',
    },
    commission().prefault('0'),
  ),
  fees: option(
    { summary: 'Regulatory fees by date: those of the US, or a file of your own.', value: 'us|none|FILE.csv' },
    fees().prefault('none'),
  ),
  rates: option(
    { summary: 'Interest on margin debt and on cash, and fees for borrowing, by date and symbol.', value: 'FILE.csv' },
    rates().prefault('none'),
  ),
  slippage: option(
    {
      summary: 'How far fills are worse than the reference price.',
      value: '5bp|volume-share(2.5%,0.1)|square-root(10%,1)|entry-spread(0.2%)',
    },
    slippage().prefault('0'),
  ),
  fill: option({ summary: 'Fill model.', value: 'next-open', adapter: 'fill' }, call().prefault('next-open')),
  sizing: option(
    {
      summary: 'Size of an entry.',
      value: 'equal(100%)|fraction(10%)|cash($10000)|volatility(15%,20)|atr-risk(1%,2,14)|all-in(100%)',
    },
    sizing().prefault('equal(100%)'),
  ),
  entry: option(
    {
      summary:
        'Order type of entries; distances are from the last close, and the order works until the signal changes.',
      value:
        'market|limit(0.5%)|stop(0.5%)|stop-limit(0.5%,0.8%)|oco(limit(0.5%),stop(0.5%))|oto(market,limit(1%),50%)',
    },
    call().prefault('market'),
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
      summary: 'Whole lots, fractions where the venue has them, or whole units of anything.',
      value: 'kind',
      choices: ['whole', 'fractional', 'units'],
    },
    choice('whole', 'fractional', 'units').prefault('fractional'),
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
  protectFrom: option(
    {
      summary: 'Price that stop and target are measured from: the fill, or the close of the signal’s bar.',
      value: 'price',
      choices: ['fill', 'signal'],
    },
    choice('fill', 'signal').prefault('fill'),
  ),
  ticks: option(
    {
      summary: 'Prices of stops and targets on the venue’s ticks, or as computed.',
      value: 'rule',
      choices: ['venue', 'none'],
    },
    choice('venue', 'none').prefault('venue'),
  ),
  timeStop: option({ summary: 'Bars after which a position is closed.', value: 'bars' }, integer(1).optional()),
  reentry: option(
    {
      summary: 'After a stop or target: wait for a new signal, or enter again at once.',
      value: 'when',
      choices: ['new-signal', 'immediate'],
    },
    choice('new-signal', 'immediate').prefault('new-signal'),
  ),
  risk: option(
    {
      summary: 'Risk policies as calls.',
      value: 'max-drawdown(20%),max-position(25%)',
      multiple: true,
      adapter: 'policy',
    },
    calls().optional(),
  ),
};
export const strategyOptions = z.strictObject(strategyShape);
export type StrategyOptions = z.output<typeof strategyOptions>;
