import { z } from 'zod';
import type { BarColumns } from '../../domain/bars.js';
import { RollingMax, RollingMin } from '../../indicators/index.js';
import type { SignalScorer } from '../model.js';
import { bars, otherSide, sides } from '../rules.js';
import type { Rule } from '../trainer.js';

export const name = 'breakout';
export const summary =
  'Long on a close above the highest high of the entry window, out below the lowest low of the exit window.';
export const settings = z.object({ entry: bars(20), exit: bars(10), side: sides });

export function create({ entry, exit, side }: z.output<typeof settings>): Rule {
  return {
    kind: 'rule',
    short: side === 'short',
    warmup: Math.max(entry, exit) + 1,
    memory: Number.POSITIVE_INFINITY,
    scorer: () => new BreakoutScorer(entry, exit, otherSide(side)),
  };
}

/** Channels end at the bar before, as in the turtle rules: a close can lie outside them. */
class BreakoutScorer implements SignalScorer {
  private readonly entryHigh: RollingMax;
  private readonly entryLow: RollingMin;
  private readonly exitHigh: RollingMax;
  private readonly exitLow: RollingMin;
  private readonly channel = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
  private position = 0;

  constructor(
    entry: number,
    exit: number,
    private readonly below: number,
  ) {
    this.entryHigh = new RollingMax(entry);
    this.entryLow = new RollingMin(entry);
    this.exitHigh = new RollingMax(exit);
    this.exitLow = new RollingMin(exit);
  }

  consume({ high, low, close }: BarColumns, from: number, to: number, out: Float64Array): void {
    const { channel, below } = this;
    for (let i = from; i < to; i++) {
      const [entryHigh, entryLow, exitHigh, exitLow] = channel as [number, number, number, number];
      const x = close[i]!;
      const ready = !Number.isNaN(entryHigh) && !Number.isNaN(exitLow);
      if (ready) {
        if (x > entryHigh) this.position = 1;
        else if (below !== 0 && x < entryLow) this.position = -1;
        else if (this.position > 0 && x < exitLow) this.position = 0;
        else if (this.position < 0 && x > exitHigh) this.position = 0;
      }
      channel[0] = this.entryHigh.update(high[i]!);
      channel[1] = this.entryLow.update(low[i]!);
      channel[2] = this.exitHigh.update(high[i]!);
      channel[3] = this.exitLow.update(low[i]!);
      out[i] = ready ? this.position : Number.NaN;
    }
  }
}
