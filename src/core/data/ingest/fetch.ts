import type { BarColumns, CorporateAction, Interval, SessionScope } from '../../domain/index.js';
import type { MarketDataSource } from '../source.js';
import { type Chunk, type IngestFailure, isPerSymbol } from './plan.js';

/** What a source answered to a chunk. */
export interface Answer {
  readonly chunk: Chunk;
  /** By instrument, in the order of time; empty where the source has none. */
  readonly parts: ReadonlyMap<string, BarColumns[]>;
  readonly actions: ReadonlyMap<string, CorporateAction[]>;
  /** Symbols that the source refuses; of the others all is there. */
  readonly failures: readonly IngestFailure[];
}

/** Asks for one chunk. Only what concerns a single symbol is caught. */
export async function fetchChunk(
  chunk: Chunk,
  source: MarketDataSource,
  { interval, scope }: { readonly interval: Interval; readonly scope: SessionScope },
  signal: AbortSignal,
  received: (rows: number) => void,
): Promise<Answer> {
  const { items, range, actions: wide } = chunk;
  const parts = new Map(items.map(({ instrument }) => [instrument.id, [] as BarColumns[]]));
  const actions = new Map(items.map(({ instrument }) => [instrument.id, [] as CorporateAction[]]));
  const failures: IngestFailure[] = [];
  const symbols = items.map(({ symbol }) => symbol);
  if (range === undefined || items.length === 0) return { chunk, parts, actions, failures };
  const asked = { interval, scope };
  const attempt = async (call: () => Promise<void>) => {
    try {
      await call();
    } catch (error) {
      signal.throwIfAborted();
      for (const one of error instanceof AggregateError ? error.errors : [error]) {
        if (!isPerSymbol(one)) throw one;
        const symbol = one.details['symbol'];
        const whose = typeof symbol === 'string' && symbols.includes(symbol) ? [symbol] : symbols;
        for (const each of whose) failures.push({ symbol: each, error: one });
      }
    }
  };
  await attempt(async () => {
    for await (const block of source.bars({ ...asked, symbols, ...range }, signal)) {
      parts.get(block.instrument)?.push(block);
      received(block.time.length);
    }
  });
  const good = symbols.filter((symbol) => failures.every((failure) => failure.symbol !== symbol));
  if (wide !== undefined && good.length > 0)
    await attempt(async () => {
      for (const action of (await source.actions?.({ ...asked, symbols: good, ...wide }, signal)) ?? [])
        actions.get(action.instrument)?.push(action);
    });
  return { chunk, parts, actions, failures };
}
