import { z } from 'zod';
import type { BarColumns } from '../../domain/bars.js';
import { Sma } from '../../indicators/index.js';
import type { SignalScorer } from '../model.js';
import { bars, otherSide, requireShorter, sides } from '../rules.js';
import type { Rule } from '../trainer.js';

export const name = 'sma-cross';
export const summary = 'Long from the fast average crossing above the slow one until it crosses below.';
export const settings = z.object({ fast: bars(10), slow: bars(30, 2), side: sides });

export function create({ fast, slow, side }: z.output<typeof settings>): Rule {
  requireShorter(name, fast, slow);
  return {
    kind: 'rule',
    short: side === 'short',
    warmup: slow + 1,
    memory: Number.POSITIVE_INFINITY,
    scorer: () => new SmaCrossScorer(fast, slow, otherSide(side)),
    shared: {
      columns: [String(fast), String(slow)],
      column: (length, { close }) => averages(Number(length), close),
      score: ([a, b], out) => scoreAverages(a!, b!, otherSide(side), out),
    },
  };
}

function averages(length: number, close: Float64Array): Float64Array {
  const sma = new Sma(length);
  const out = new Float64Array(close.length);
  for (let i = 0; i < close.length; i++) out[i] = sma.update(close[i]!);
  return out;
}

/** The scorer's loop on averages that are known already. */
function scoreAverages(fast: Float64Array, slow: Float64Array, below: number, out: Float64Array): void {
  let a = Number.NaN;
  let b = Number.NaN;
  let position = 0;
  for (let i = 0; i < out.length; i++) {
    const nextA = fast[i]!;
    const nextB = slow[i]!;
    if (nextA > nextB && a <= b) position = 1;
    else if (nextA < nextB && a >= b) position = below;
    a = nextA;
    b = nextB;
    out[i] = Number.isNaN(b) ? Number.NaN : position;
  }
}

/** A cross compares this bar with the one before; equality before it counts as the other side. */
class SmaCrossScorer implements SignalScorer {
  private readonly fast: Sma;
  private readonly slow: Sma;
  private a = Number.NaN;
  private b = Number.NaN;
  private position = 0;

  constructor(
    fast: number,
    slow: number,
    private readonly below: number,
  ) {
    this.fast = new Sma(fast);
    this.slow = new Sma(slow);
  }

  consume({ close }: BarColumns, from: number, to: number, out: Float64Array): void {
    const { fast, slow, below } = this;
    let { a, b, position } = this;
    for (let i = from; i < to; i++) {
      const x = close[i]!;
      const nextA = fast.update(x);
      const nextB = slow.update(x);
      if (nextA > nextB && a <= b) position = 1;
      else if (nextA < nextB && a >= b) position = below;
      a = nextA;
      b = nextB;
      out[i] = Number.isNaN(b) ? Number.NaN : position;
    }
    this.a = a;
    this.b = b;
    this.position = position;
  }
}
