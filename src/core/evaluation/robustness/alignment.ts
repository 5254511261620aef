import type { HonestyResult } from '../report/document.js';
import type { Replay } from './replay.js';

/** A score that explains this much of the next bar's return is no forecast: the bar was in it. */
const IMPLAUSIBLE = 0.3;
/** How much the correlation must fall one bar later to look like a leak and not like a trend. */
const FALL = 4;
const LEAST = 100;

/** Pearson correlation of pairs added one by one. */
class Correlation {
  n = 0;
  private mx = 0;
  private my = 0;
  private xx = 0;
  private yy = 0;
  private xy = 0;

  add(x: number, y: number): void {
    this.n++;
    const dx = x - this.mx;
    const dy = y - this.my;
    this.mx += dx / this.n;
    this.my += dy / this.n;
    this.xx += dx * (x - this.mx);
    this.yy += dy * (y - this.my);
    this.xy += dx * (y - this.my);
  }

  get value(): number {
    return this.xx > 0 && this.yy > 0 ? this.xy / Math.sqrt(this.xx * this.yy) : 0;
  }
}

/**
 * Label shift: scores against the return of the bar after them (from its open, where an order fills), and against the bar
 * after that. A score or a bar that knows what it cannot know agrees with the first and not with the second: this finds
 * also data whose bars are stamped too early, which no truncation can find.
 */
export function labelShift(replay: Replay): HonestyResult {
  const next = new Correlation();
  const later = new Correlation();
  for (const [j, bars] of replay.feed.bars.entries()) {
    const scores = replay.signals.scores[j]!;
    const first = tradedFrom(replay, j);
    for (let i = first; i + 2 < bars.time.length; i++) {
      const s = scores[i]!;
      if (Number.isNaN(s)) continue;
      next.add(s, Math.log(bars.close[i + 1]! / bars.open[i + 1]!));
      later.add(s, Math.log(bars.close[i + 2]! / bars.open[i + 2]!));
    }
  }
  const name = 'label-shift';
  if (next.n < LEAST) return { name, pass: true, detail: `Not applicable: ${next.n} scores are too few.` };
  const [a, b] = [next.value, later.value];
  const leak = Math.abs(a) > IMPLAUSIBLE && Math.abs(a) > FALL * Math.abs(b);
  return {
    name,
    pass: !leak,
    detail: `Scores correlate ${a.toFixed(3)} with the return of the next bar and ${b.toFixed(3)} with the one after${
      leak ? ': no forecast is that good for one bar only, so scores or bars hold what was not known yet' : ''
    }.`,
  };
}

/** First bar of an instrument that is known within the traded range. */
function tradedFrom({ feed, from, to }: Replay, j: number): number {
  for (let k = from; k < to; k++) if (feed.barAt[j]![k]! >= 0) return feed.barAt[j]![k]!;
  return feed.bars[j]!.time.length;
}

/**
 * The verdict on a model retrained on permuted labels: its scores must say nothing about the true labels of rows that it
 * did not see. `independent` is the number of rows that do not overlap.
 */
export function permutedLabels(scores: Float64Array, labels: Float64Array, independent: number): HonestyResult {
  const name = 'permuted-labels';
  const correlation = new Correlation();
  for (let i = 0; i < scores.length; i++) {
    if (!Number.isNaN(scores[i]!)) correlation.add(scores[i]!, labels[i]!);
  }
  if (correlation.n < LEAST) return { name, pass: true, detail: `Not applicable: ${correlation.n} rows are too few.` };
  const z = correlation.value * Math.sqrt(independent);
  const pass = Math.abs(z) < 4;
  return {
    name,
    pass,
    detail: `Retrained on permuted labels, scores correlate ${correlation.value.toFixed(3)} with true labels out of sample (z = ${z.toFixed(1)})${
      pass ? '' : ': they learned from what training did not show them'
    }.`,
  };
}
