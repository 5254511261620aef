import { z } from 'zod';
import { INTERVALS } from '../../domain/index.js';
import { option } from '../option.js';
import { choice, duration, integer, interval, list, moment, off, pairs, paths, word } from './kinds.js';
import { ping } from './ping.js';

/** Options of `quantline ingest`. */
export const ingestOptions = z.strictObject({
  source: option({ summary: 'Where bars come from.', value: 'name', char: 's', adapter: 'source' }, word().optional()),
  symbols: option({ summary: 'Comma list of symbols.', value: 'SPY,QQQ', multiple: true }, list().optional()),
  interval: option(
    { summary: 'Bar length; 1d is a session bar.', value: '1d', char: 'i', choices: INTERVALS },
    interval().prefault('1d'),
  ),
  session: option(
    {
      summary: 'Trading hours that belong; other bars are dropped and counted.',
      value: 'scope',
      choices: ['regular', 'extended'],
    },
    choice('regular', 'extended').prefault('regular'),
  ),
  from: option({ summary: 'First session, or instant with a zone.', value: 'date' }, moment().optional()),
  to: option({ summary: 'Last session, inclusive, or instant with a zone.', value: 'date' }, moment().optional()),
  last: option({ summary: 'Instead of --from: this long back from --to.', value: '30d' }, duration().optional()),
  update: option(
    { summary: 'Instead of --from: from where stored bars begin; fetches what is missing.', switch: true },
    off(),
  ),
  refetch: option({ summary: 'Fetch also what is stored already.', switch: true }, off()),
  follow: option({ summary: 'Go on with bars as they happen, until --to, Ctrl-C or SIGTERM.', switch: true }, off()),
  foldEvery: option(
    { summary: '--follow: bars go from its log into the store this often.', value: '15m' },
    duration().prefault('15m'),
  ),
  file: option(
    { summary: 'csv: one file per symbol of --symbols, in order.', value: 'path', char: 'f', multiple: true },
    paths().optional(),
  ),
  timezone: option({ summary: 'csv: IANA zone of times without one.', value: 'America/New_York' }, word().optional()),
  calendar: option(
    {
      summary: 'Trading calendar of instruments the source does not describe.',
      value: 'id',
      choices: ['XNYS', '24/7'],
    },
    choice('XNYS', '24/7').optional(),
  ),
  basis: option(
    { summary: 'csv: what the prices are adjusted for.', value: 'basis', choices: ['raw', 'split', 'total'] },
    choice('raw', 'split', 'total').optional(),
  ),
  feed: option({ summary: 'Product of the vendor where it has several.', value: 'iex' }, word().optional()),
  seed: option({ summary: 'synthetic: seed of the market.', value: 'n' }, integer(0, 0xffff_ffff).optional()),
  edge: option(
    { summary: 'synthetic: none, or the net Sharpe ratio a year of a planted edge.', value: 'none|1.5' },
    word().optional(),
  ),
  store: option(
    { summary: 'Where bars are kept: parquet, or bigquery://project.dataset.', value: 'store', adapter: 'store' },
    word().prefault('parquet'),
  ),
  quality: option(
    { summary: 'Policy of a check, such as gaps=allow or outliers=refuse.', value: 'check=policy', multiple: true },
    pairs().prefault({}),
  ),
  allowMissing: option(
    { summary: 'Symbols that may fail without the exit code 4.', value: 'n' },
    integer().prefault(0),
  ),
  set: option(
    { summary: 'Setting of the source, such as seed=7.', value: 'key=value', multiple: true },
    pairs().prefault({}),
  ),
  ping,
  force: option({ summary: 'Compute again although a verified dataset exists, and compare.', switch: true }, off()),
});
export type IngestOptions = z.output<typeof ingestOptions>;
