import { z } from 'zod';
import type { BarColumns } from '../../domain/bars.js';
import { ZScore } from '../../indicators/index.js';
import type { SignalScorer } from '../model.js';
import { bars, otherSide, sides } from '../rules.js';
import type { Rule } from '../trainer.js';

export const name = 'mean-reversion';
export const summary = 'Long when the close is `width` standard deviations below its mean, out at the mean.';
export const settings = z.object({ window: bars(20, 2), width: z.number().positive().default(2), side: sides });

export function create({ window, width, side }: z.output<typeof settings>): Rule {
  return {
    kind: 'rule',
    short: side === 'short',
    warmup: window,
    memory: Number.POSITIVE_INFINITY,
    scorer: () => new MeanReversionScorer(window, width, otherSide(side)),
  };
}

class MeanReversionScorer implements SignalScorer {
  private readonly zscore: ZScore;
  private position = 0;

  constructor(
    window: number,
    private readonly width: number,
    private readonly above: number,
  ) {
    this.zscore = new ZScore(window);
  }

  consume({ close }: BarColumns, from: number, to: number, out: Float64Array): void {
    const { width, above } = this;
    for (let i = from; i < to; i++) {
      const z = this.zscore.update(close[i]!);
      if (z <= -width) this.position = 1;
      else if (above !== 0 && z >= width) this.position = above;
      else if (this.position * z >= 0) this.position = 0;
      out[i] = Number.isNaN(z) ? Number.NaN : this.position;
    }
  }
}
