import type { Clock, Logger } from '../platform/index.js';

/** One version of an article: what it said from `updatedAt` until the next version of the same id. */
export interface Article {
  /** The vendor's id; a corrected article keeps it. */
  readonly id: string;
  /** When it was first published, epoch ms. */
  readonly publishedAt: number;
  /** When it got this text, epoch ms; not before `publishedAt`. */
  readonly updatedAt: number;
  /** Of the symbols asked for, those that it is about. */
  readonly instruments: readonly string[];
  readonly headline: string;
  /** Summary as plain text; '' where there is none. */
  readonly body: string;
  readonly url: string;
}

/** Articles changed in [from, to), epoch ms, about any of the symbols. */
export interface NewsRequest {
  readonly symbols: readonly string[];
  readonly from: number;
  readonly to: number;
}

/** A vendor of news. One file in `sources/`; all pass one contract suite. */
export interface NewsSource {
  /** Blocks of articles; reads are repeated after failures. UNAVAILABLE for an answer that cannot be read. */
  articles(request: NewsRequest, signal: AbortSignal): AsyncIterable<readonly Article[]>;
  close(): Promise<void>;
}

export interface NewsContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keys and vendor variables by their usual names. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Folder of state that processes share: rate budgets. */
  readonly stateDir?: string;
}
