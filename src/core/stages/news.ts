import { join } from 'node:path';
import type { NewsOptions } from '../config/index.js';
import { timeRange } from '../data/range.js';
import { expandSymbols } from '../data/universe.js';
import { calendarOf } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { ingestNews, type NewsContext, type NewsCounts, type NewsSource, NewsStore } from '../news/index.js';
import { loadAdapter } from '../registry/index.js';
import type { Runtime } from './runtime.js';

export interface NewsResult {
  readonly source: string;
  readonly from: number;
  readonly to: number;
  readonly symbols: readonly NewsCounts[];
}

interface NewsModule {
  readonly name: string;
  create(settings: Record<string, never>, context: NewsContext): NewsSource;
}

/** --update asks this much again: a vendor may publish a little late. */
const OVERLAP_MS = 3_600_000;

/** The workspace's news. */
export const newsPath = (workspace: string): string => join(workspace, 'news.sqlite');

/** `quantline ingest news`: articles of a source into the workspace, each with the instant from which it may be used. */
export async function news(options: NewsOptions, runtime: Runtime): Promise<NewsResult> {
  const { symbols } = await expandSymbols(options.symbols ?? []);
  const usage = (message: string, hint: string) => new QuantlineError('USAGE', message, { hint });
  if (symbols.length === 0) throw usage('Which symbols?', 'Add --symbols SPY,QQQ.');
  const { module } = await loadAdapter<NewsModule>('news', options.source);
  const { clock, logger, secrets, signal, progress, workspace } = runtime;
  const store = await NewsStore.open(newsPath(workspace));
  const source = module.create({}, { clock, logger, secrets, stateDir: join(workspace, 'state') });
  try {
    const now = clock.now();
    // News knows no sessions: a date is a day of UTC.
    const asked = timeRange({ ...options, lastMs: options.last }, calendarOf('24/7'), 'regular', now);
    const to = Math.min(asked.to, now);
    const from = options.update ? await continued(store, module.name, symbols, asked.from) : asked.from;
    if (!Number.isFinite(from))
      throw usage('From when on?', 'Add --from 2024-01-01, or --last 30d; --update goes on where news end.');
    const counts = await ingestNews(
      { name: module.name, news: source },
      { symbols, from, to },
      { store, signal, onBlock: (received) => progress.update(`${received} articles`) },
    );
    return { source: module.name, from, to, symbols: counts };
  } finally {
    progress.end();
    await Promise.all([source.close(), store.close()]);
  }
}

/** Where the symbol that was asked for last, longest ago, ends; of one that never was, `from`. */
async function continued(store: NewsStore, source: string, symbols: readonly string[], from: number): Promise<number> {
  const answered = await Promise.all(symbols.map((symbol) => store.answered(source, symbol)));
  return Math.min(...answered.map((to) => (to === undefined ? from : to - OVERLAP_MS)));
}
