import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IngestContext, type IngestRequest, ingestBars } from '../../../src/core/data/ingest.js';
import { qualityPolicies } from '../../../src/core/data/quality.js';
import type { BarRequest, MarketDataSource } from '../../../src/core/data/source.js';
import { create as createMarket, settings } from '../../../src/core/data/sources/synthetic.js';
import { create as createStore } from '../../../src/core/data/stores/parquet.js';
import { type BarColumns, calendarOf, defaultInstrument } from '../../../src/core/domain/index.js';
import { QuantlineError } from '../../../src/core/errors/index.js';
import { ManualClock, silentLogger, silentProgress } from '../../../src/core/platform/index.js';

/** A vendor on the synthetic market that records what it was asked, and fails or lies on demand. */
export class Vendor implements MarketDataSource {
  readonly feed = 'v';
  readonly basis = 'raw';
  readonly density = 'dense';
  readonly batch = 10;
  parallel = 1;
  readonly asked: { symbols: readonly string[]; from: string; to: string }[] = [];
  broken: string | undefined;
  change: (bars: BarColumns) => void = () => {};
  private readonly market: MarketDataSource;

  constructor(clock: ManualClock) {
    this.market = createMarket(settings.parse({}), { clock, logger: silentLogger, calendar: calendarOf });
  }

  async instruments(symbols: readonly string[]) {
    const unknown = symbols.find((symbol) => symbol.startsWith('?'));
    if (unknown !== undefined)
      throw new QuantlineError('INPUT', `unknown ${unknown}`, { details: { symbol: unknown } });
    return symbols.map((symbol) => defaultInstrument(symbol, 'XNYS'));
  }

  async *bars(request: BarRequest, signal: AbortSignal) {
    const date = (time: number) => new Date(time).toISOString().slice(0, 16);
    this.asked.push({ symbols: request.symbols, from: date(request.from), to: date(request.to) });
    const good = request.symbols.filter((symbol) => symbol !== this.broken);
    for await (const block of this.market.bars({ ...request, symbols: good }, signal)) {
      this.change(block);
      yield block;
    }
    if (good.length < request.symbols.length)
      throw new AggregateError([new QuantlineError('NO_DATA', 'gone', { details: { symbol: this.broken } })]);
  }
}

/** An ingest from the vendor into a store of its own. */
export async function setup(now: string, signal = new AbortController().signal) {
  const clock = new ManualClock(Date.parse(now));
  const root = await mkdtemp(join(tmpdir(), 'live-'));
  const store = createStore({ root }, { clock, logger: silentLogger });
  const vendor = new Vendor(clock);
  const context: IngestContext = {
    source: vendor,
    store,
    clock,
    logger: silentLogger,
    progress: silentProgress,
    signal,
    notes: new Map(),
  };
  const run = async (request: Partial<IngestRequest>) => {
    vendor.asked.length = 0;
    return ingestBars(
      {
        sourceName: 'vendor',
        symbols: ['A'],
        interval: '1d',
        scope: 'regular',
        range: {},
        policies: qualityPolicies(),
        ...request,
      },
      context,
    );
  };
  return { clock, root, store, vendor, context, run };
}
