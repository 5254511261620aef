import { Draws } from './random.js';

/** GARCH(1,1) of both components: close to what a fit to the S&P 500 of 1999 to 2018 gives (0.10, 0.885), with a finite fourth moment. */
export const ALPHA = 0.085;
export const BETA = 0.9;

/** One component (the market, or what is an instrument's own) by session; log returns. */
export interface Sessions {
  /** Overnight return into the session, jumps included. */
  gap: Float64Array;
  /** Return from open to close. */
  move: Float64Array;
  /** Standard deviation of `move` given everything but its normal draw. */
  scale: Float64Array;
  count: number;
}

export interface ComponentSettings {
  readonly seed: number;
  /** Variance of a session's return, jumps included. */
  readonly variance: number;
  /** Share of the variance that falls between sessions. */
  readonly gapShare: number;
  /** Jumps a session, and the standard deviation of one. */
  readonly jumpRate: number;
  readonly jumpSize: number;
}

/** Simulates sessions one after another from the first; what was simulated stays, so a longer run extends it. */
export class Component {
  private readonly draws: Draws;
  private readonly sessions: Sessions = {
    gap: new Float64Array(1024),
    move: new Float64Array(1024),
    scale: new Float64Array(1024),
    count: 0,
  };
  private readonly diffusive: number;
  private variance: number;

  constructor(private readonly settings: ComponentSettings) {
    this.draws = new Draws(settings.seed);
    const jumps = settings.jumpRate * settings.jumpSize * settings.jumpSize;
    this.diffusive = Math.max(settings.variance - jumps, settings.variance * 0.05);
    this.variance = this.diffusive;
  }

  /** The first n sessions. */
  until(n: number): Sessions {
    const { gapShare, jumpRate, jumpSize } = this.settings;
    const out = this.sessions;
    if (n > out.gap.length)
      for (const name of ['gap', 'move', 'scale'] as const) {
        const grown = new Float64Array(Math.max(n, out[name].length * 2));
        grown.set(out[name]);
        out[name] = grown;
      }
    for (; out.count < n; out.count++) {
      const i = out.count;
      const { draws } = this;
      const scale = Math.sqrt(this.variance * (1 - gapShare)) * draws.studentScale();
      const move = scale * draws.normal();
      const gap = Math.sqrt(this.variance * gapShare) * draws.studentScale() * draws.normal();
      const jump = draws.uniform() <= jumpRate ? jumpSize * draws.normal() : 0;
      out.scale[i] = scale;
      out.move[i] = move;
      out.gap[i] = gap + jump;
      // Jumps do not feed volatility: their variance has been taken out of it.
      const shock = move + gap;
      this.variance = (1 - ALPHA - BETA) * this.diffusive + ALPHA * shock * shock + BETA * this.variance;
    }
    return out;
  }
}
