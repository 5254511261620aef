import { z } from 'zod';
import { option, texts } from '../option.js';
import { parseList, valueError } from '../values/index.js';
import { calls, choice, duration, moment, money, off, pairs, word } from './kinds.js';
import { ping } from './ping.js';
import { notify } from './shared.js';

const NEWS = ['fill', 'reject', 'halt', 'missed', 'unprotected', 'token', 'verdict'] as const;

function newsKind(text: string): (typeof NEWS)[number] {
  const found = NEWS.find((kind) => kind === text);
  if (found === undefined) throw valueError(text, `expected some of ${NEWS.join(', ')}`);
  return found;
}

/** Options of `quantline trade`. */
export const tradeOptions = z.strictObject({
  report: option({ summary: 'Report to trade: path, id, tag or latest.', value: 'report' }, word().optional()),
  run: option(
    { summary: 'Run to trade where no report passed; simulated venue only.', value: 'run', char: 'r' },
    word().optional(),
  ),
  model: option(
    {
      summary: 'The report’s model refitted by train --final, in place of the evaluated one.',
      value: 'model',
      char: 'm',
    },
    word().optional(),
  ),
  strategy: option(
    { summary: 'Name that the strategy keeps across retraining; required at a venue.', value: 'name' },
    word().optional(),
  ),
  broker: option({ summary: 'Venue.', value: 'name', char: 'b', adapter: 'broker' }, word().prefault('sim')),
  source: option(
    {
      summary: 'Where newer bars come from; at a venue the source of the dataset, at sim a replay by default.',
      value: 'name',
      char: 's',
      adapter: 'source',
    },
    word().optional(),
  ),
  cash: option({ summary: 'sim: money of a new account.', value: '100000' }, money().prefault('100000')),
  once: option({ summary: 'Decide for the current slot, then stop.', switch: true }, off()),
  until: option({ summary: 'Trade until this session or instant.', value: 'date' }, moment().optional()),
  maxDecisionAge: option(
    { summary: 'Oldest decision that is still sent; half an interval by default.', value: '30m' },
    duration().optional(),
  ),
  patience: option(
    { summary: 'Longest wait for a late bar, and then for the outcome of orders.', value: '30s' },
    duration().prefault('30s'),
  ),
  quality: option(
    { summary: 'Policy of a check of newer bars; gaps refuse here.', value: 'check=policy', multiple: true },
    pairs().prefault({}),
  ),
  unprotected: option(
    {
      summary: 'What happens to a position whose stop or target the venue refuses: closed at market, or left.',
      value: 'exit|hold',
      choices: ['exit', 'hold'],
    },
    choice('exit', 'hold').prefault('exit'),
  ),
  atClose: option(
    {
      summary: 'Resident: positions are held over the close, or closed before it and not opened again.',
      value: 'hold|flatten',
      choices: ['hold', 'flatten'],
    },
    choice('hold', 'flatten').prefault('hold'),
  ),
  closeLead: option(
    { summary: 'How long before the close --at-close flatten begins.', value: '5m' },
    duration().prefault('5m'),
  ),
  risk: option(
    {
      summary: 'Further risk policies, beside those of the run.',
      value: 'max-order($5000),no-trade(GME)',
      multiple: true,
      adapter: 'policy',
    },
    calls().optional(),
  ),
  notify,
  notifyOn: option(
    {
      summary: 'What is news: fill, reject, halt, missed, unprotected, token, verdict.',
      value: 'event',
      multiple: true,
      choices: NEWS,
    },
    texts((raw) => parseList(raw).map(newsKind)).prefault('fill,reject,halt,missed,unprotected,token'),
  ),
  ping,
  live: option({ summary: 'Send orders to a real venue.', switch: true, guard: true }, off()),
  acceptUngated: option(
    { summary: 'Reason for trading what passed no gate; recorded.', value: 'reason', guard: true },
    word().optional(),
  ),
  strictSlot: option({ summary: 'Exit 8 where there is nothing to do.', switch: true }, off()),
  set: option(
    { summary: 'Setting of the broker, or with source. in front of the source.', value: 'key=value', multiple: true },
    pairs().prefault({}),
  ),
});
export type TradeOptions = z.output<typeof tradeOptions>;
