import type { CompareOptions } from '../config/index.js';
import { compareSeries, type SeriesComparison } from '../data/maintenance.js';
import { type TimeRange, timeRange } from '../data/range.js';
import type { BarStore, SeriesInfo } from '../data/store.js';
import { expandSymbols } from '../data/universe.js';
import { calendarOf } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import type { Runtime } from './runtime.js';
import { withStore } from './store.js';

export interface ComparedSymbol {
  readonly symbol: string;
  readonly a: SeriesInfo;
  readonly b: SeriesInfo;
  readonly range: TimeRange;
  readonly comparison: SeriesComparison;
  /** No value further apart than allowed, and no bar missing from a dense series that the other has. */
  readonly agree: boolean;
}

/** `quantline ingest compare`: the stored bars of two sources (or feeds), by default over the time that both have. */
export async function storeCompare(options: CompareOptions, runtime: Runtime): Promise<readonly ComparedSymbol[]> {
  const { source, against } = options;
  if (source === undefined || against === undefined)
    throw new QuantlineError('USAGE', 'Which two sources?', { hint: 'Add --source alpaca/sip --against yahoo.' });
  return withStore(options.store, runtime, async (store) => {
    const series = (await store.list()).filter(
      ({ key, rows }) => key.interval === options.interval && key.scope === options.session && rows > 0,
    );
    const [left, right] = [seriesOf(series, source), seriesOf(series, against)];
    const shared = [...left.keys()].filter((symbol) => right.has(symbol));
    const symbols = options.symbols === undefined ? shared.sort() : (await expandSymbols(options.symbols)).symbols;
    if (symbols.length === 0) throw absent(options, [source, against], 'one symbol');
    const out: ComparedSymbol[] = [];
    for (const symbol of symbols) {
      runtime.signal.throwIfAborted();
      const pair = { a: only(left.get(symbol), symbol, source), b: only(right.get(symbol), symbol, against) };
      const missing = [...(pair.a === undefined ? [source] : []), ...(pair.b === undefined ? [against] : [])];
      if (pair.a === undefined || pair.b === undefined) throw absent(options, missing, symbol);
      out.push(await compareSymbol(store, symbol, pair.a, pair.b, options, runtime));
    }
    return out;
  });
}

/** Symbol → its series of `name`, a source or source/feed. */
function seriesOf(series: readonly SeriesInfo[], name: string): Map<string, SeriesInfo[]> {
  const out = new Map<string, SeriesInfo[]>();
  for (const info of series) {
    const { source, feed, instrument } = info.key;
    if (name === source || name === `${source}/${feed}`) out.set(instrument, [...(out.get(instrument) ?? []), info]);
  }
  return out;
}

function only(found: readonly SeriesInfo[] | undefined, symbol: string, name: string): SeriesInfo | undefined {
  if (found === undefined || found.length < 2) return found?.[0];
  const feeds = found.map(({ key }) => `${key.source}/${key.feed}`).join(', ');
  throw new QuantlineError('USAGE', `${name} has several series of ${symbol}: ${feeds}.`, {
    hint: 'Name one of them.',
  });
}

const absent = ({ interval, session }: CompareOptions, sources: readonly string[], what: string): QuantlineError =>
  new QuantlineError(
    'NO_DATA',
    `The store has no ${interval} bars (${session}) of ${what} from ${sources.join(' and ')}.`,
    {
      hint: 'quantline ingest status lists what is there.',
    },
  );

async function compareSymbol(
  store: BarStore,
  symbol: string,
  a: SeriesInfo,
  b: SeriesInfo,
  options: CompareOptions,
  runtime: Runtime,
): Promise<ComparedSymbol> {
  const { from, to, session } = options;
  const asked = timeRange({ from, to }, calendarOf(a.instrument.calendar), session, runtime.clock.now());
  const range = {
    from: from === undefined ? Math.max(a.firstTime!, b.firstTime!) : asked.from,
    to: to === undefined ? Math.min(a.lastTime!, b.lastTime!) + 1 : asked.to,
  };
  const { tolerance, volumeTolerance, limit } = options;
  const comparison = await compareSeries(store, a.key, b.key, {
    ...{ range, tolerance, limit },
    ...(volumeTolerance === undefined ? {} : { volumeTolerance }),
  });
  if (comparison.compared === 0)
    throw new QuantlineError('NO_DATA', `${symbol}: the two series have no bar in common in that time.`, {
      hint: 'quantline ingest status shows where each begins and ends.',
    });
  const { differing, onlyInA, onlyInB } = comparison;
  const lacking = (b.density === 'dense' ? onlyInA : 0) + (a.density === 'dense' ? onlyInB : 0);
  return { symbol, a, b, range, comparison, agree: differing + lacking === 0 };
}
