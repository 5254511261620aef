import {
  allocateBars,
  type BarColumns,
  childSeed,
  type Instrument,
  type Interval,
  intervalMs,
  isSessionInterval,
  type Session,
} from '../../domain/index.js';
import { Component, type Sessions } from './days.js';
import { addBridge, profileOf } from './minutes.js';
import { Draws } from './random.js';

export interface MarketSettings {
  readonly seed: number;
  readonly continuous: boolean;
  readonly sessionsPerYear: number;
  readonly volatility: number;
  readonly drift: number;
  readonly correlation: number;
  readonly jumps: number;
  readonly jumpSize: number;
  readonly gapShare: number;
  readonly price: number;
  readonly volume: number;
  /** Log drift a session in the direction of the session before; 0 for none. */
  readonly edge: number;
}

const MINUTE = 60_000;
/** Minutes of the market's own path that are kept for the next instrument: 16 MB of them. */
const KEPT_MINUTES = 2_000_000;

/** Simulates one instrument; the market's own path is shared by all instruments of a seed. */
export class Simulation {
  private readonly market: Component;
  private readonly own = new Map<string, Component>();
  private readonly beta: number;
  private returns = new Float64Array(1440);
  private normals = new Float64Array(1440);
  private readonly marketNormals = new Map<number, Float64Array>();
  private keptMinutes = 0;

  constructor(private readonly settings: MarketSettings) {
    const { seed, volatility, sessionsPerYear, correlation, gapShare, jumps } = settings;
    const variance = (volatility * volatility) / sessionsPerYear;
    // The market's jumps are rarer; all of an instrument's variance adds up to its volatility.
    this.market = new Component({
      seed: childSeed(seed, 'market', 'sessions'),
      variance,
      gapShare,
      jumpRate: jumps / 4 / sessionsPerYear,
      jumpSize: settings.jumpSize,
    });
    this.beta = Math.sqrt(correlation);
  }

  private component(symbol: string): Component {
    let component = this.own.get(symbol);
    if (component === undefined) {
      const { seed, volatility, sessionsPerYear, correlation, gapShare, jumps, jumpSize } = this.settings;
      component = new Component({
        seed: childSeed(seed, 'own', symbol, 'sessions'),
        variance: ((volatility * volatility) / sessionsPerYear) * (1 - correlation),
        gapShare,
        jumpRate: jumps / sessionsPerYear,
        jumpSize,
      });
      this.own.set(symbol, component);
    }
    return component;
  }

  /**
   * Bars of sessions [first, last) of `sessions`, which start at the simulation's first session: the same whatever is
   * asked before, beside or after.
   */
  bars(
    instrument: Instrument,
    symbol: string,
    interval: Interval,
    sessions: readonly Session[],
    first: number,
    last: number,
  ): BarColumns {
    const { settings, beta } = this;
    const market = this.market.until(last);
    const own = this.component(symbol).until(last);
    const perBar = isSessionInterval(interval) ? Number.POSITIVE_INFINITY : intervalMs(interval) / MINUTE;
    const out = allocateBars(symbol, interval, countBars(sessions, first, last, perBar));
    const level = this.levels(symbol, market, own, last);
    let at = 0;
    for (let day = first; day < last; day++) {
      const session = sessions[day]!;
      const minutes = Math.round((session.close - session.open) / MINUTE);
      const profile = profileOf(minutes, settings.continuous);
      if (this.returns.length < minutes) {
        this.returns = new Float64Array(minutes);
        this.normals = new Float64Array(minutes);
      }
      const returns = this.returns.subarray(0, minutes).fill(0);
      const stamp = session.open / MINUTE;
      const draws = new Draws(childSeed(settings.seed, 'own', symbol, 'minutes', stamp));
      addBridge(returns, profile, market.move[day]!, market.scale[day]!, this.normalsOfMarket(stamp, minutes), beta);
      const normals = draws.normals(this.normals.subarray(0, minutes));
      addBridge(returns, profile, own.move[day]! + level.extra[day]!, own.scale[day]!, normals, 1);
      const spread = beta * beta * market.scale[day]! * market.scale[day]! + own.scale[day]! * own.scale[day]!;
      at = this.session(
        out,
        at,
        session,
        minutes,
        perBar,
        returns,
        level.open[day]!,
        spread,
        level.volume[day]!,
        profile,
        draws,
        instrument,
      );
    }
    return out;
  }

  /** The market's normals of one session: drawn once where memory allows, as every instrument needs the same. */
  private normalsOfMarket(stamp: number, minutes: number): Float64Array {
    const known = this.marketNormals.get(stamp);
    if (known !== undefined) return known;
    const drawn = new Draws(childSeed(this.settings.seed, 'market', 'minutes', stamp)).normals(
      new Float64Array(minutes),
    );
    if (this.keptMinutes + minutes <= KEPT_MINUTES) {
      this.marketNormals.set(stamp, drawn);
      this.keptMinutes += minutes;
    }
    return drawn;
  }

  private readonly levelsOf = new Map<string, { open: Float64Array; extra: Float64Array; volume: Float64Array }>();

  /** Per session: log price at the open, drift beside the components' moves, and volume. */
  private levels(symbol: string, market: Sessions, own: Sessions, n: number) {
    const known = this.levelsOf.get(symbol);
    if (known !== undefined && known.open.length >= n) return known;
    const { settings, beta } = this;
    const level = { open: new Float64Array(n), extra: new Float64Array(n), volume: new Float64Array(n) };
    const draws = new Draws(childSeed(settings.seed, 'own', symbol, 'level'));
    const variance = (settings.volatility * settings.volatility) / settings.sessionsPerYear;
    const drift = settings.drift / settings.sessionsPerYear - variance / 2;
    let price = Math.log(settings.price) + 0.5 * draws.normal();
    const usual = settings.volume * Math.exp(0.8 * draws.normal());
    let interest = 0;
    let direction = 0;
    for (let day = 0; day < n; day++) {
      const gap = beta * market.gap[day]! + own.gap[day]!;
      const extra = drift + settings.edge * direction;
      const move = beta * market.move[day]! + own.move[day]! + extra;
      level.open[day] = price + gap;
      level.extra[day] = extra;
      price += gap + move;
      direction = Math.sign(gap + move);
      interest = 0.9 * interest + 0.15 * draws.normal();
      const size = Math.abs(gap + move) / Math.sqrt(variance);
      level.volume[day] = usual * Math.exp(interest) * (0.7 + 0.4 * Math.min(size, 5));
    }
    this.levelsOf.set(symbol, level);
    return level;
  }

  private session(
    out: BarColumns,
    start: number,
    session: Session,
    minutes: number,
    perBar: number,
    returns: Float64Array,
    logOpen: number,
    spread: number,
    volume: number,
    profile: { readonly variance: Float64Array; readonly volume: Float64Array },
    draws: Draws,
    instrument: Instrument,
  ): number {
    let at = start;
    let logPrice = logOpen;
    const fractional = instrument.lot < 1;
    const tick = ticker(instrument);
    let open = tick(Math.exp(logPrice));
    for (let k = 0; k < minutes; ) {
      const first = k;
      const end = Math.min(minutes, k + perBar);
      let top = logPrice;
      let bottom = logPrice;
      let traded = 0;
      for (; k < end; k++) {
        const step = returns[k]!;
        const v = spread * profile.variance[k]!;
        // Extremes of a Brownian bridge from 0 to `step` with variance v (reflection principle).
        const above = draws.uniform();
        const below = draws.uniform();
        if (mayReach(top - logPrice, step, v, above)) {
          const up = (step + Math.sqrt(step * step - 2 * v * Math.log(above))) / 2;
          if (logPrice + up > top) top = logPrice + up;
        }
        if (mayReach(logPrice - bottom, -step, v, below)) {
          const down = (step - Math.sqrt(step * step - 2 * v * Math.log(below))) / 2;
          if (logPrice + down < bottom) bottom = logPrice + down;
        }
        logPrice += step;
        const amount = volume * profile.volume[k]! * (0.4 + 1.2 * draws.uniform());
        traded += fractional ? Math.round(amount * 1e6) : Math.max(Math.round(amount), 1);
      }
      // Rounding to the tick is monotone: the extremes of a long bar are those of its minutes.
      const close = tick(Math.exp(logPrice));
      out.time[at] = session.open + first * MINUTE;
      out.open[at] = open;
      out.high[at] = Math.max(tick(Math.exp(top)), open, close);
      out.low[at] = Math.min(tick(Math.exp(bottom)), open, close);
      out.close[at] = close;
      out.volume[at] = fractional ? traded / 1e6 : traded;
      open = close;
      at++;
    }
    return at;
  }
}

/**
 * Whether a bridge over `step` with variance v and the uniform u may get farther than `distance`: −ln u is at most
 * 1/u − 1, so most minutes need no logarithm. The slack is far above rounding; true only costs time.
 */
const mayReach = (distance: number, step: number, v: number, u: number): boolean =>
  2 * distance * (distance - step) * u * (1 - 1e-6) <= v * (1 - u) + 1e-18;

/** Rounds prices to the instrument's tick by one division, which gives the double nearest to the decimal price. */
function ticker({ tickRule }: Instrument): (price: number) => number {
  const above = tickRule.at(-1)!;
  const scaleAbove = Math.round(1 / above.tick);
  const scaleBelow = Math.round(1 / tickRule[0]!.tick);
  return (price) => {
    const scale = price >= above.from ? scaleAbove : scaleBelow;
    return Math.max(Math.round(price * scale), 1) / scale;
  };
}

function countBars(sessions: readonly Session[], first: number, last: number, perBar: number): number {
  if (perBar === Number.POSITIVE_INFINITY) return last - first;
  let n = 0;
  for (let day = first; day < last; day++)
    n += Math.ceil(Math.round((sessions[day]!.close - sessions[day]!.open) / MINUTE) / perBar);
  return n;
}
