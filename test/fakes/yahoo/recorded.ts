import { readFileSync } from 'node:fs';
import type { FakeQuote, FakeTicker } from './server.js';

/** A reply as Yahoo gave it (fixtures/yahoo, recorded by the tests of yahoo-finance2). */
export interface Recorded {
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Chart {
  readonly meta: Readonly<Record<string, unknown>> & { readonly symbol: string; readonly dataGranularity: string };
  readonly timestamp?: readonly number[];
  readonly events?: {
    readonly splits?: Record<string, { date: number; numerator: number; denominator: number }>;
    readonly dividends?: Record<string, { date: number; amount: number }>;
  };
  readonly indicators: {
    readonly quote: readonly Readonly<Record<string, readonly (number | null)[]>>[];
    readonly adjclose?: readonly { readonly adjclose: readonly number[] }[];
  };
}

const folder = new URL('../../../fixtures/yahoo/', import.meta.url);

export const recordedText = (file: string): string => readFileSync(new URL(file, folder), 'utf8');
export const recorded = (name: string): Recorded => JSON.parse(recordedText(`${name}.json`)) as Recorded;
export const chartOf = ({ body }: Recorded): Chart => (body as { chart: { result: [Chart] } }).chart.result[0];

/** What the fake has to hold so that it gives this reply. */
export function tickerOf(reply: Recorded): FakeTicker {
  const { meta, timestamp = [], events, indicators } = chartOf(reply);
  const [quote] = indicators.quote;
  const adjusted = indicators.adjclose?.[0]?.adjclose;
  const quotes = timestamp.map((t, i): FakeQuote => {
    const [o, h, l, c, v] = ['open', 'high', 'low', 'close', 'volume'].map((field) => quote![field]![i]!);
    return { t, o: o!, h: h!, l: l!, c: c!, v: v!, adjusted: adjusted?.[i] };
  });
  return {
    meta,
    quotes: { [meta.dataGranularity]: quotes },
    splits: Object.values(events?.splits ?? {}),
    dividends: Object.values(events?.dividends ?? {}),
  };
}
